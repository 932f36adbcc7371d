#!/bin/sh
# Installs the Debian packages of packages.txt that are missing. Their services are not started, and what was set up
# before to that end is put back.
set -eu
cd "$(dirname "$0")"
missing=$(while read -r package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
done < packages.txt)
[ -n "$missing" ] || exit 0

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086  one word per package
apt-get -qq install --no-install-recommends -y $missing > /dev/null
