set -eu
# What somebody who was root could have changed to come back or to deceive us, as a digest of each kind: compared with what it was
# at the launch. Whoever was root can also have changed what computes it, so equal digests prove nothing, different ones do.

# Prints `state KIND DIGEST` for each kind. $1 are the places that are searched for what an account leaves.
states() {
    for kind in tools sudoers keys units jobs setuid accounts; do
        say "state $kind $(state_of "$kind" "$1" | sha256sum | cut -d ' ' -f 1)"
    done
}

# The files below the places given that find's conditions, after `--`, meet, with their digests, and where links lead.
digests() {
    below=
    while [ "$1" != -- ]; do
        [ ! -e "$1" ] || below="$below $1"
        shift
    done
    shift
    [ -n "$below" ] || return 0
    # shellcheck disable=SC2086
    find $below -xdev -type f "$@" -exec sha256sum '{}' '+' 2> /dev/null | sort
    # shellcheck disable=SC2086,SC2016
    find $below -xdev -type l "$@" -exec sh -c 'for l; do echo "$l $(readlink "$l")"; done' sh '{}' '+' 2> /dev/null | sort
}

state_of() {
    case $1 in
    tools)
        for tool in sh getent awk grep find cut sed date flock setpriv useradd userdel usermod groupadd groupdel gpasswd \
            sudo visudo sshd sha256sum; do
            sha256sum "$(command -v "$tool")" 2> /dev/null || :
        done
        ;;
    sudoers)
        cat /etc/sudoers 2> /dev/null || :
        for file in /etc/sudoers.d/*; do
            # What we write for a session comes and goes.
            rules=$(grep -v -E '^(Defaults:[A-Za-z0-9_.-]+ !authenticate|# Made by Mayfly .*)$' "$file" 2> /dev/null || :)
            [ -z "$rules" ] || printf '%s\n%s\n' "$file" "$rules"
        done
        ;;
    keys)
        digests "$(getent passwd 0 | cut -d: -f6)/.ssh" /etc/ssh/sshd_config /etc/ssh/sshd_config.d -- ! -name 'known_hosts*'
        ;;
    units) digests /etc/systemd /run/systemd/system /usr/local/lib/systemd /etc/rc.local -- ;;
    jobs)
        digests /etc/crontab /etc/anacrontab /etc/cron.d /etc/cron.hourly /etc/cron.daily /etc/cron.weekly /etc/cron.monthly \
            /var/spool/cron -- -user 0
        ;;
    setuid)
        # shellcheck disable=SC2086
        digests /usr /opt $2 -- -user 0 -perm -4000
        ;;
    accounts) awk -F: '$3 == 0' /etc/passwd ;;
    esac
}
