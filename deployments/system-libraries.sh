#!/bin/sh
# opencv-python needs a few shared libraries that a minimal Debian lacks. Installs them if run as
# root on a machine with apt-get; otherwise prints the command to run.
set -eu
python=$1
packages="libgl1 libglib2.0-0 libxcb1"
"$python" -c "import cv2" 2>/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the shared libraries that OpenCV needs: $packages"
    log=$(mktemp)
    if apt-get update -qq >"$log" 2>&1 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >>"$log" 2>&1
    then
        "$python" -c "import cv2" && exit 0
    else
        tail -n 5 "$log" >&2
    fi
fi
echo "OpenCV cannot load its shared libraries. Run this once, then repeat the command:" >&2
echo "    sudo apt-get install $packages" >&2
exit 2
