# What every script of this provider begins with. It arrives on standard input behind the values, which stand in $1, $2, … with
# an equals sign in front, and runs as root with whatever POSIX shell is there. Its answers are lines `key value`; the last
# one is `done`, or `fail` with the reason. Nothing is answered before the work is over, so that a connection that breaks ends
# no work half-way.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
unset TZ CDPATH ENV BASH_ENV
umask 077
cd /

# The path of the helper, where this is part of it.
self=

# Locks live as long as the host runs; marks longer.
run=/run/mayfly
state=/var/lib/mayfly

# A shell with programs of its own, as BusyBox's is, takes them before those of the host, which can do more.
case $(command -v find || :) in
find)
    for program in find date awk grep sed cut head tail tr sort cat stat mktemp xargs sha256sum readlink flock rm rmdir mv cp mkdir \
        chmod chown chgrp sleep id ipcrm sync timeout; do
        for place in /usr/sbin /usr/bin /sbin /bin; do
            if [ -x "$place/$program" ]; then
                eval "$program() { $place/$program \"\$@\"; }"
                break
            fi
        done
    done
    ;;
esac

say() {
    printf '%s\n' "$*"
}

# Ends with a reason. The exit status stays 0, since what was said says more.
fail() {
    say "fail $*"
    exit 0
}

# The host's clock in microseconds, in $now. Where it shows whole seconds only, the last moment of the second.
micros() {
    now=$(date +%s%N)
    case $now in
    *[!0-9]*) now=$(date +%s)999999 ;;
    *) if [ "${#now}" -ge 19 ]; then now=${now%???}; else now=$(date +%s)999999; fi ;;
    esac
}

# Starting a program is what most of a script's time goes to, so what the shell can do by itself it does.
newline='
'

# Field $2 of the line $1, whose fields have colons between them, in $part; empty where there is none.
part_of() {
    part=$1 skip=$2
    while [ "$skip" -gt 1 ]; do
        case $part in
        *:*) part=${part#*:} ;;
        *) part= ;;
        esac
        skip=$((skip - 1))
    done
    part=${part%%:*}
}

# The lock that opening, looking and removing of one account share: $1 is its name. Held by this shell and what it starts.
lock_account() {
    [ -d "$run" ] || mkdir -p "$run"
    exec 9> "$run/account-$1"
    flock -w 20 9 || fail busy
}

# The lock that all our edits of the accounts of this host share.
lock_host() {
    [ -d "$run" ] && [ -d "$state" ] || mkdir -p "$run" "$state"
    exec 8> "$run/host"
    flock -w 20 8 || fail busy
}

# Runs one of the tools that edit accounts; they wait 15 s for whoever else edits. $status is its exit status.
edit() {
    status=0
    said=$("$@" 2>&1) || status=$?
    case $status-$said in
    1-*lock*) fail busy ;;
    esac
}

# Refuses what comes after the last moment $1.
in_time() {
    micros
    [ "$now" -le "$1" ] || fail late
}

# The entry of an account by name or by id, in $entry; empty when there is none. A name made of digits is looked up as an
# id too, so what was found has to be what was asked for: field $2.
passwd_entry() {
    entry=$(getent passwd "$1" || :)
    part_of "$entry" "$2"
    [ "$part" = "$1" ] || entry=
}

# One field of $entry.
field() {
    part_of "$entry" "$1"
    printf '%s\n' "$part"
}

# A local group's line, by name (field 1) or id (field 3), in $line.
group_line() {
    line=$(asked=$1 at=$2 awk -F: '$ENVIRON["at"] == ENVIRON["asked"] { print; exit }' /etc/group)
}

# Whether the account $1 is in the group whose line is $line, as a member or because it is its primary group $2.
is_member() {
    part_of "$line" 3
    [ "$part" = "$2" ] && return 0
    part_of "$line" 4
    case ,$part, in
    *,"$1",*) return 0 ;;
    esac
    return 1
}

# Finds an account of ours: $1 its name, $2 its mark, $3 its id if known. Sets $found (`ours`, `rest` when only its group or home
# is left, `stranger`, `absent`), $uid and $current, its name now.
find_account() {
    found=absent uid=$3 current=
    if [ -n "$3" ]; then
        passwd_entry "$3" 3
        if [ -n "$entry" ]; then
            gecos=$(field 5)
            if [ "$(field 1)" = "$1" ] || [ "${gecos%%,*}" = "$2" ]; then
                found=ours current=$(field 1)
                return 0
            fi
            # The id is somebody else's by now.
            uid=
        fi
    else
        entry=$(mark=$2 awk -F: '{ g = $5; sub(/,.*/, "", g) } g == ENVIRON["mark"] { print; exit }' /etc/passwd)
        if [ -n "$entry" ]; then
            found=ours uid=$(field 3) current=$(field 1)
            return 0
        fi
    fi
    passwd_entry "$1" 1
    if [ -n "$entry" ]; then
        found=stranger
        return 0
    fi
    group_line "$1" 1
    [ -z "$line" ] || found=rest
    if [ -n "$uid" ] && owned_home "$home"; then
        found=rest
    fi
}

# Whether $1 is a directory, not a link to one, that belongs to $uid.
owned_home() {
    [ -d "$1" ] && [ ! -L "$1" ] && [ -n "$(find "$1" -maxdepth 0 -type d -user "$uid" 2> /dev/null)" ]
}

# Whether the account whose name is $1 can log in, by its date of expiry: `yes` or `no`.
can_log_in() {
    shadow=$(getent shadow "$1" || :)
    part_of "$shadow" 8
    expires=$part
    case $expires in
    '' | *[!0-9]*) say "login yes" ;;
    *) if [ "$expires" -le "$(($(date +%s) / 86400))" ]; then say "login no"; else say "login yes"; fi ;;
    esac
}

# The name that the account with the name $1 and the id $2 has now, in $current; empty when there is none.
name_of() {
    current=
    passwd_entry "$1" 1
    if [ -z "$entry" ] || [ "$(field 3)" != "$2" ]; then
        passwd_entry "$2" 3
    fi
    [ -z "$entry" ] || current=$(field 1)
}

# Whether the membership of the account ($current, $uid) in the group with the id $1 is there, and whether we added it: sets
# $membership to `absent`, `ours` or `stranger`. $2 is the note that we leave when we add one, $3 is `yes` when the ledger says
# that we did.
find_membership() {
    membership=absent
    group_line "$1" 3
    if [ -z "$line" ] || [ -z "$current" ]; then
        return 0
    fi
    passwd_entry "$current" 1
    if is_member "$current" "$(field 4)"; then
        membership=stranger
        if [ "$3" = yes ] || [ -e "$2" ]; then membership=ours; fi
    fi
}
