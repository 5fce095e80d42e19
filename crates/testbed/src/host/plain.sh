# The rest of a host without systemd: sourced by start.sh in the host's root, ends as the host's init.
set -eu
hostname "$name"
mount -t proc -o nosuid,nodev,noexec proc proc
# What the whole machine shares stays out of reach of the host's root.
for path in sys sysrq-trigger; do
    [ -e "proc/$path" ] || continue
    mount --bind "proc/$path" "proc/$path"
    mount -o remount,bind,ro "proc/$path"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t tmpfs -o mode=755,nosuid,nodev,size=64m tmpfs run
mkdir -m 1777 run/lock
mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs dev
for device in null zero full random urandom tty; do
    : > "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev,size=256m tmpfs dev/shm
mount -t mqueue -o nosuid,nodev,noexec mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

cp "$here/init.sh" sbin/testbed-init
mkdir outside
pivot_root . outside
# As nspawn does for its containers: not even this host's root sets the machine's clock or loads a module into it.
exec chroot . setpriv --bounding-set=-sys_module,-sys_time,-sys_rawio,-sys_boot /bin/sh /sbin/testbed-init
