#!/bin/sh
# Process 1 of the guest. Stands, with job.sh, in the one folder that results leave by; see boot.py.
#
# The root it starts on is the host's, read-only. It builds a copy-on-write view of it in memory, moves there, and only
# then runs anything that writes.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
results=${0%/*}
. "$results/job.sh"   # packages, checkout, columns, LVSMON_LAB_CANARY; and the function `job`
: "${LVSMON_LAB_GUEST:=1}"   # from the kernel's command line

fail() { echo "lab: $1" >&2; echo o >/proc/sysrq-trigger; sleep 30; }

mount -t proc proc /proc
mount -t tmpfs tmpfs /mnt
mkdir /mnt/packages /mnt/upper /mnt/work /mnt/root
mount -t hostfs -o "$packages" packages /mnt/packages

# The kernel's file overlay is a module, and modprobe may be among the packages.
for place in / /mnt/packages/; do
    [ ! -e "${place}bin/kmod" ] || ln -sf "${place}bin/kmod" /mnt/insmod   # kmod goes by the name it is called
    [ ! -d "${place}usr/lib/uml/modules" ] || modules=${place}usr/lib/uml/modules
done
LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/mnt/packages/usr/lib/x86_64-linux-gnu \
    /mnt/insmod "$modules/$(uname -r)/kernel/fs/overlayfs/overlay.ko" || fail "the overlay module cannot be loaded"

mount -t overlay -o lowerdir=/:/mnt/packages,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root \
    || fail "the copy-on-write view of the host cannot be made"
cd /mnt/root
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm results before lib/modules
mount -t devpts -o ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs run run
mkdir -p run/netns run/lock
mount -t hostfs -o "$results" results results
pivot_root . before
cd /
exec <dev/console >dev/console 2>&1
umount -l /before    # what is left of the host is read through the overlay, and cannot be reached for writing
rmdir /before

# From here on a write is a write to memory.
rm -rf "/lib/modules/$(uname -r)"
ln -s "/usr/lib/uml/modules/$(uname -r)" /lib/modules/
hostname lab
ip link set lo up
modprobe -a ip_vs veth bridge
# Exim takes on this user, which its package would have made.
grep -q '^Debian-exim:' /etc/passwd || echo 'Debian-exim:x:60101:60101::/nonexistent:/bin/false' >>/etc/passwd
grep -q '^Debian-exim:' /etc/group || echo 'Debian-exim:x:60101:' >>/etc/group

# Names are looked up in /etc/hosts; what is not there fails at once, as there is no name server.
rm -f /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf

export HOME=/root LVSMON_LAB=1 LVSMON_LAB_CANARY LVSMON_LAB_GUEST COLUMNS="$columns"
cd "$checkout"
read -r up rest </proc/uptime
echo "lab: Linux $(uname -r) with IPVS, up in $up s"
status=0
(job) || status=$?
echo "$status" >"/results/status-$LVSMON_LAB_GUEST"
sync -f "/results/status-$LVSMON_LAB_GUEST"
echo 1 >/proc/sys/kernel/printk
echo o >/proc/sysrq-trigger
sleep 30
