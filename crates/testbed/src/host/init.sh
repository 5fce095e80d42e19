# Process 1 of a host without systemd: starts its services and then buries orphans.
set -eu
umount -l /outside
rmdir /outside
: > /run/utmp
mkdir -m 755 /run/sshd
mkdir -m 711 /run/sudo
mkdir -m 700 /run/sudo/ts
/usr/sbin/sshd -E /var/log/sshd.log
/usr/sbin/cron
/usr/sbin/atd
# The shell's `wait` reaps whatever child there is, also those that it never started.
while :; do
    sleep infinity &
    wait
done
