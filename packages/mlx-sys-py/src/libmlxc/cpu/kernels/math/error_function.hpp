// The error function of vectors of floats.
#pragma once

#include "cpu/kernels/math/math.hpp"

namespace {

// From 3.92 on, results round to 1.
inline vfloat bounded_magnitude(vfloat x) {
  return min(splat(3.95f), magnitude(x));
}

#if defined(__AVX512F__)

// erf(i * erf_step + t) for |t| <= erf_step / 2 is a polynomial; line k has its coefficients of t^k
// for each i. The step is one at whose multiples erf is close to floats. For i = 0, the even
// coefficients are 0, so that nothing cancels.
constexpr float erf_step = 1075.0f / 4096;
alignas(64) constexpr float erf_coefficients[6][lanes] = {
    {0,
     0.28948313f,
     0.542108953f,
     0.734500229f,
     0.862362921f,
     0.936519384f,
     0.974050879f,
     0.990626812f,
     0.997015178f,
     0.999163568f,
     0.999794066f,
     0.999955475f,
     0.999991596f,
     0.999998629f,
     0.999999821f,
     1.0f},
    {1.12837916f,
     1.05327223f,
     0.856637738f,
     0.607050512f,
     0.374820653f,
     0.201647689f,
     0.094522247f,
     0.0386052064f,
     0.013738167f,
     0.00425973734f,
     0.00115082168f,
     0.000270897215f,
     5.55613119e-05f,
     9.92915067e-06f,
     1.5460504e-06f,
     2.09752672e-07f},
    {0,
     -0.276427223f,
     -0.449644887f,
     -0.477960521f,
     -0.393489677f,
     -0.264616208f,
     -0.148846972f,
     -0.0709245839f,
     -0.0288446054f,
     -0.0100613592f,
     -0.00302005536f,
     -0.000781928052f,
     -0.000174932251f,
     -3.38608907e-05f,
     -5.67672012e-06f,
     -8.24933514e-07f},
    {-0.376121909f,
     -0.302749845f,
     -0.128214574f,
     0.0485243771f,
     0.150447101f,
     0.164278339f,
     0.124752762f,
     0.0739989286f,
     0.0357964853f,
     0.0144243894f,
     0.00490079497f,
     0.00141473959f,
     0.000348801208f,
     7.37174867e-05f,
     1.33916833e-05f,
     2.09541744e-06f},
    {0,
     0.13087184f,
     0.182358737f,
     0.139687123f,
     0.0524177645f,
     -0.0190496703f,
     -0.048211194f,
     -0.0441990949f,
     -0.0279981113f,
     -0.0137564507f,
     -0.00547861288f,
     -0.00180809954f,
     -0.000500920239f,
     -0.000117466824f,
     -2.3449901e-05f,
     -4.00161324e-06f},
    {0.112145048f,
     0.0779492634f,
     0.000892664513f,
     -0.057921852f,
     -0.0666546832f,
     -0.0390168686f,
     -0.00701535954f,
     0.0101987409f,
     0.0126747309f,
     0.00860136327f,
     0.00424701832f,
     0.00165015277f,
     0.000522133797f,
     0.000137068377f,
     3.01968116e-05f,
     5.62566603e-06f},
};

// Looking up 16 polynomials, in a register for each coefficient, takes less time than computing one
// polynomial that does for all numbers.
inline vfloat error_function(vfloat x) {
  const vfloat size = bounded_magnitude(x);
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits.
  const vfloat shift = splat(0x1.8p23f);
  const vfloat shifted = size * (1 / erf_step) + shift;
  const vfloat t = size - (shifted - shift) * erf_step;
  const auto coefficients = [&](int k) {
    return (vfloat)_mm512_permutexvar_ps((__m512i)shifted, _mm512_load_ps(erf_coefficients[k]));
  };
  vfloat result = coefficients(5);
#pragma GCC unroll 5
  for (int k = 4; k >= 0; k--) {
    result = result * t + coefficients(k);
  }
  return with_sign(result, x);
}

#else

// erf x = 1 - e^t, where -t / x is a polynomial for x >= 0. As near 0 nothing cancels, one does for
// all x.
inline vfloat error_function(vfloat x) {
  const vfloat bounded = bounded_magnitude(x);
  const ExpParts e(
      -bounded *
      polynomial(
          bounded,
          1.128379207,
          6.366164943e-01,
          1.028144265e-01,
          -1.932175952e-02,
          2.057746818e-04,
          1.251705948e-03,
          -3.809867885e-04,
          4.070610308e-05));
  const vfloat power = power_of_two(e.n);
  return with_sign((1 - power) - power * (e.r + e.r * e.r * e.tail()), x);
}

#endif

}  // namespace
