# Finishes a host's base root $1, after all packages are in: takes out what must differ from host to host, and sets what
# all of them share. Run once by mmdebstrap, outside of the root.
set -eu
root=$1

# Each host makes keys and an id of its own when it starts.
rm -f "$root"/etc/ssh/ssh_host_*_key "$root"/etc/ssh/ssh_host_*_key.pub
rm -f "$root/etc/machine-id" "$root/var/lib/dbus/machine-id"

settings=$root/etc/ssh/sshd_config.d/50-testbed.conf
cat > "$settings" <<'SETTINGS'
# Tests open many connections at once, and fail to log in on purpose.
MaxStartups 200
LogLevel VERBOSE
HostKey /etc/ssh/ssh_host_ed25519_key
HostKey /etc/ssh/ssh_host_ecdsa_key
SETTINGS
# OpenSSH 9.8 began to shut out addresses that fail; older ones do not know the setting.
probe=$(mktemp -d)
ssh-keygen -q -t ed25519 -N '' -f "$probe/key"
cp "$probe/key" "$root/tmp/probe-key"
chmod 600 "$root/tmp/probe-key"
mkdir -p "$root/run/sshd"
if chroot "$root" /usr/sbin/sshd -t -f /dev/null -h /tmp/probe-key -o PerSourcePenalties=no 2> /dev/null; then
    echo 'PerSourcePenalties no' >> "$settings"
fi
rm -rf "$probe" "$root/tmp/probe-key" "$root/run/sshd"

# One place for sshd's log, with an init system and without.
echo 'SSHD_OPTS="-E /var/log/sshd.log"' > "$root/etc/default/ssh"

# The tools make these on first use; a host that has been in use has them.
: > "$root/etc/.pwd.lock"
chmod 600 "$root/etc/.pwd.lock"

# What packages have done every night would now and then fall into a test.
for folder in hourly daily weekly monthly d; do
    find "$root/etc/cron.$folder" -type f ! -name .placeholder -delete
done
if [ -d "$root/etc/systemd/system" ]; then
    # The same by timers; and nobody looks at a console.
    for unit in console-getty.service getty.target systemd-tmpfiles-clean.timer apt-daily.timer \
        apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
fi
