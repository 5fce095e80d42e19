set -eu
# What making and removing one account comes to, with the same tools and the same search of the host as Mayfly's own scripts
# (crates/providers/src/linux/sh), sent to a shell of root over a connection that stays open. The key is in $KEY.

make() {
    name=$1 uid=$2
    groupadd -g "$uid" -- "$name"
    useradd -u "$uid" -g "$uid" -m -d "/home/$name" -s /bin/bash -c "mark of the benchmark" -e 40000 -p '*' \
        -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0 -- "$name"
    mkdir -m 700 "/home/$name/.ssh"
    printf 'restrict,pty,expiry-time="20900101" %s\n' "$KEY" > "/home/$name/.ssh/authorized_keys"
    chmod 600 "/home/$name/.ssh/authorized_keys"
    chown -R "$uid:$uid" "/home/$name/.ssh"
    getent passwd "$name" > /dev/null
}

left() {
    find /tmp /var/tmp /dev/shm /run /home /var/spool /var/mail -xdev ! -path "/home/$name" ! -path "/home/$name/*" \
        \( -user "$uid" -o -group "$uid" \) "$@" 2> /dev/null || :
}

remove() {
    name=$1 uid=$2
    usermod -e 1 -L -- "$name"
    setpriv "--reuid=$uid" --clear-groups -- /bin/sh -c 'kill -KILL -1' 2> /dev/null || :
    grep -l -s "^Uid:.*[[:space:]]$uid[[:space:]]" /proc/[0-9]*/status > /dev/null || :
    left -delete
    find "/home/$name" -xdev -depth -delete
    userdel -- "$name"
    getent group "$name" > /dev/null && groupdel -- "$name"
    left -print -quit
    getent passwd "$name" || :
}
