set -eu
# What an account leaves beside its home and its mail, by its ids: files in the places listed, scheduled work (which are files there
# too) and System V IPC. No link is followed and no file system entered that is not listed itself.

# Finds what is in the places $1 that exist; further arguments are find's. The home, and what systemd makes for a log-in, go
# with the account. (`-prune` would not do: find does not heed it when it deletes.)
owned() {
    places=
    # The list is ours: no path in it has a blank or a sign that the shell would take for a pattern.
    for place in $1; do
        if [ -d "$place" ] && [ ! -L "$place" ]; then places="$places $place"; fi
    done
    shift
    # shellcheck disable=SC2086
    find $places -xdev ! -path "$home" ! -path "$home/*" ! -path "/run/user/$uid" "$@" 2> /dev/null || :
}

# System V IPC that $uid owns or made, as `shm ID`, `sem ID`, `msg ID`.
owned_ipc() {
    for kind in shm sem msg; do
        [ -r "/proc/sysvipc/$kind" ] || continue
        kind=$kind uid=$uid awk '
            NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            $at["uid"] == ENVIRON["uid"] || $at["cuid"] == ENVIRON["uid"] { print ENVIRON["kind"], $2 }
        ' "/proc/sysvipc/$kind"
    done
}

# Whether anything is left: sets $left to `yes` or `no`.
leftovers() {
    left=no
    [ -z "$(owned_ipc)" ] || left=yes
    [ ! -e "/var/lib/systemd/linger/$name" ] || left=yes
    [ -z "$(owned "$1" \( -user "$uid" -o -group "$uid" \) -print -quit)" ] || left=yes
}
