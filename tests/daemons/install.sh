#!/bin/sh
# Installs the Debian packages of a folder's packages.txt that are missing: of this one, or of the one that is named.
# Their services are not started, and what was set up before to that end is put back. Those of unpacked.txt cannot be
# installed beside others (two mail servers): they are laid down in a folder of their own, for a mount namespace that a
# test makes; the libraries that they need besides are among packages.txt.
set -eu
cd "${1:-$(dirname "$0")}"
missing=$(while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
done < packages.txt)
folder=/var/cache/lvsmon-daemons
lacking=$([ ! -e unpacked.txt ] || while read -r package; do
    [ -d "$folder/$package" ] || echo "$package"
done < unpacked.txt)
[ -n "$missing$lacking" ] || exit 0

apt-get -qq update
if [ -n "$missing" ]; then
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086  one word per package
    apt-get -qq install --no-install-recommends -y $missing > /dev/null
fi
for package in $lacking; do
    mkdir -p "$folder/$package.new"
    (cd "$folder/$package.new" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x ./*.deb . && rm ./*.deb)
    mv "$folder/$package.new" "$folder/$package"
done
