# Conversions of arguments that are no arrays; each raises with the name of the argument.
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from libc.stdint cimport int64_t, uint64_t
from libcpp.vector cimport vector

cimport mlx_sys_py.c as c


cdef extern from * nogil:
    """
    #include <cstddef>
    #include <vector>

    #ifndef MLX_SYS_PY_INTS
    #define MLX_SYS_PY_INTS
    namespace mlx_sys_py {

    // A few ints, such as a shape: as many as arrays have axes need no memory of their own.
    class Ints {
     public:
      void push_back(int value) {
        if (size_ == inline_size && more_.empty()) {
          more_.assign(few_, few_ + size_);
        }
        if (size_ < inline_size) {
          few_[size_] = value;
        } else {
          more_.push_back(value);
        }
        ++size_;
      }

      // NULL if there are none.
      const int* data() const {
        return size_ > inline_size ? more_.data() : size_ > 0 ? few_ : nullptr;
      }

      std::size_t size() const {
        return size_;
      }

      int operator[](std::size_t index) const {
        return data()[index];
      }

     private:
      static constexpr std::size_t inline_size = 6;
      std::size_t size_ = 0;
      int few_[inline_size] = {};
      std::vector<int> more_;
    };

    }  // namespace mlx_sys_py
    #endif
    """
    cdef cppclass Ints "mlx_sys_py::Ints":
        void push_back(int)
        const int* data()
        size_t size()
        int operator[](size_t)


cdef int to_int(object value, str name) except? -2147483648
cdef int64_t to_int64(object value, str name) except? -9223372036854775807
cdef uint64_t to_uint64(object value, str name) except? 18446744073709551615
cdef bint to_bool(object value, str name) except -1
cdef double any_to_double(object value, str name) except? -1e308
cdef Ints to_ints(object value, str name) except *
cdef list to_int_list(object value, str name)
cdef vector[int64_t] to_strides(object value, str name) except *
cdef c.mlx_dtype to_dtype(object value, str name) except? c.MLX_BOOL
cdef c.mlx_optional_int to_optional_int(object value, str name) except *
cdef c.mlx_optional_float to_optional_float(object value, str name) except *
cdef c.mlx_optional_dtype to_optional_dtype(object value, str name) except *
cdef c.mlx_optional_bool to_optional_bool(object value, str name) except *
cdef c.mlx_fft_norm to_norm(object value, str name) except *
cdef bytes to_bytes(object value, str name)


cdef inline double to_double(object value, str name) except? -1e308:
    cdef int overflow = 0
    cdef long long number
    if type(value) is float:
        return PyFloat_AS_DOUBLE(value)
    if isinstance(value, int):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
        if overflow == 0:
            return <double>number
    return any_to_double(value, name)
