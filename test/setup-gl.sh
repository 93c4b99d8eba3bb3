#!/usr/bin/env bash
# What the GPU tests need on Debian or Ubuntu: headless GL on a virtual display, and Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  build-essential pkg-config python3 python-is-python3          # node-gyp
  libxi-dev libxext-dev mesa-common-dev libgl1-mesa-dev         # headers of the npm package gl
  libgl1-mesa-dri xvfb xauth                                    # software GL and a display for it
  chromium libvulkan1                                           # with a software WebGPU, in the browser and for Node
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "setup:gl: installing ${missing[*]}"
  as_root=$([ "$(id -u)" = 0 ] || echo sudo)
  $as_root apt-get update -qq >/dev/null
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

[ -d node_modules/gl ] || npm ci
if node -e "require('gl')" 2>/dev/null; then
  echo 'setup:gl: the npm package gl is built'
else
  echo 'setup:gl: building the npm package gl; from source this takes about three minutes'
  JOBS=max npm explore gl -- npm run install
  node -e "require('gl')"
fi
