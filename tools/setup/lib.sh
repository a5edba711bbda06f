# Shared by ./run and ./test: what they install and build. Sourced, not run. Everything here prints to stderr only.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$ROOT/build
export TENON_HOME=${TENON_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/tenon}
JOBS=${TENON_JOBS:-$(nproc)}
# Compiled objects are shared between checkouts: paths below the root do not count.
export CCACHE_BASEDIR=$ROOT CCACHE_NOHASHDIR=1 CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_PCH_EXTSUM=1

BUILD_PACKAGES=(g++ cmake ninja-build pkg-config ccache ca-certificates git python3 python3-pip
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev libcurl4-openssl-dev libsqlite3-dev libpq-dev
  libpcre2-dev libicu-dev libcli11-dev libtomlplusplus-dev libspdlog-dev libfmt-dev libmd4c-dev
  libpugixml-dev libzip-dev libxml2-dev zlib1g-dev libgtest-dev libgmock-dev poppler-utils bubblewrap)
# What the tests need besides: Clang builds the sanitizer runs and the fuzzers.
TEST_PACKAGES=(clang-16 llvm-16 lld-16 libclang-rt-16-dev clang-format-16 g++-aarch64-linux-gnu qemu-user-static chromium fonts-wqy-microhei procps)

say() { printf '%s\n' "$*" >&2; }
step() { if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then printf '\033[1m==> %s\033[0m\n' "$*" >&2; else say "==> $*"; fi; }
die() { say "error: $*"; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo -E "$@"
  else die "packages must be installed: run as root, install sudo, or have root run: ${*:3}"; fi
}

# install_packages NAME... : the Debian packages that are missing, in one go.
install_packages() {
  local missing=() have
  have=$(dpkg-query -W -f '${Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^install ok installed //p' || true)
  local name
  for name in "$@"; do grep -qx -- "$name" <<<"$have" || missing+=("$name"); done
  [ ${#missing[@]} = 0 ] && return 0
  step "installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$BUILD/apt.log" 2>&1 ||
    { tail -n 20 "$BUILD/apt.log" >&2; die "apt-get install failed; the whole output is in build/apt.log"; }
}

# Node from Debian unless one is there already (18 or newer will do).
install_node() {
  if command -v node >/dev/null && command -v npm >/dev/null && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]; then return 0; fi
  install_packages nodejs npm
}

# newest_than STAMP PATH... : true when something under PATH is newer than STAMP, or STAMP is missing.
changed_since() {
  local stamp=$1; shift
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$@" \( -name node_modules -o -name dist \) -prune -o -newer "$stamp" -type f -print -quit 2>/dev/null)" ]
}

# The console: TypeScript to static files in web/dist, which the program embeds.
build_console() {
  [ -f "$ROOT/web/package.json" ] || return 0
  changed_since "$BUILD/.console" "$ROOT/web" || return 0
  install_node
  step "building the console"
  touch "$BUILD/.console.new"
  (cd "$ROOT/web" && npm install --no-audit --no-fund --loglevel=error >"$BUILD/npm.log" 2>&1 && npm run --silent build >>"$BUILD/npm.log" 2>&1) ||
    { tail -n 20 "$BUILD/npm.log" >&2; die "the console did not build; the whole output is in build/npm.log"; }
  mv "$BUILD/.console.new" "$BUILD/.console"
}

# configure_preset PRESET : when it never was, when the room table or the presets changed, or when the checkout has moved.
configure_preset() {
  local preset=$1 ninja=$BUILD/$1/build.ninja
  if [ -f "$BUILD/$preset/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$ROOT" "$BUILD/$preset/CMakeCache.txt"; then
    rm -rf "${BUILD:?}/$preset"
  fi
  if [ ! -f "$ninja" ] || [ "$ROOT/CMakeLists.txt" -nt "$ninja" ] || [ "$ROOT/CMakePresets.json" -nt "$ninja" ]; then
    (cd "$ROOT" && cmake --preset "$preset" >"$BUILD/configure-$preset.log" 2>&1) ||
      { rm -f "$ninja"; tail -n 30 "$BUILD/configure-$preset.log" >&2; die "cmake failed; the whole output is in build/configure-$preset.log"; }
  fi
}

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1; shift
  configure_preset "$preset"
  if [ -t 2 ]; then NINJA_STATUS="[%f/%t %es] " ninja -C "$BUILD/$preset" -j "$JOBS" "$@" >&2 || die "the build failed"
  else
    say "building ($preset) with $JOBS jobs; the output is in build/build-$preset.log"
    ninja -C "$BUILD/$preset" -j "$JOBS" "$@" >"$BUILD/build-$preset.log" 2>&1 ||
      { grep -E -A12 'FAILED|error:' "$BUILD/build-$preset.log" | head -n 60 >&2; die "the build failed; the whole output is in build/build-$preset.log"; }
  fi
}

# The program itself.
setup_program() {
  mkdir -p "$BUILD"
  install_packages "${BUILD_PACKAGES[@]}"
  build_console
  step "building tenon"
  # The stamp is as old as the beginning of the build: what is edited meanwhile is built the next time.
  touch "$BUILD/.program.new"
  build_preset release tenon
  mv "$BUILD/.program.new" "$BUILD/.program"
}

setup_models() {
  local name
  for name in "$@"; do
    "$BUILD/release/app/tenon" models path "$name" >/dev/null 2>&1 && continue
    step "fetching the model $name"
    "$BUILD/release/app/tenon" pull "$name" >&2 || die "the model $name could not be fetched"
  done
}
