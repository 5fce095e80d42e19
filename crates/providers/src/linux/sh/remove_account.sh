# Removes an account of ours with its home, its mail, its key and its group. Refuses while anything of it runs or is left elsewhere.
# Values: lock, account, mark, id or nothing, home, file of keys or nothing, places to search, whether to say what has changed.
set -eu
lock=${1#=} name=${2#=} mark=${3#=} known=${4#=} home=${5#=} keys=${6#=} swept=${7#=} compares=${8#=}
say 'mayfly 1'
lock_account "$lock"
find_account "$name" "$mark" "$known"
case $found in
ours | rest) ;;
*)
    say 'done'
    exit 0
    ;;
esac
if [ -n "$uid" ]; then
    census "$uid" all '' '' '' ''
    [ "$count" -eq 0 ] || fail running
fi
if [ "$found" = ours ]; then
    leftovers "$swept"
    [ "$left" = no ] || fail leftovers
fi

case $keys in
'' | "$home"/*) ;;
*)
    rm -f -- "$keys"
    # A folder for this account alone.
    [ "${keys%/*}" != "${keys%/*/*}/$name" ] || rmdir -- "${keys%/*}" 2> /dev/null || :
    ;;
esac
# What sudo remembers of it, as root's files under its name or, since 1.9.15, its id: that it gave a password, and that it was
# lectured.
for place in /run/sudo/ts /var/db/sudo/ts /var/lib/sudo/ts /var/lib/sudo/lectured /var/db/sudo/lectured; do
    rm -f -- "$place/$name" ${uid:+"$place/$uid"}
done
# Only the directory that was made for it; whatever else stands there was put there by somebody with root's rights.
if [ -e "$home" ] || [ -L "$home" ]; then
    if [ -n "$uid" ] && owned_home "$home"; then
        find "$home" -xdev -depth -delete 2> /dev/null || :
        [ ! -e "$home" ] || fail "stays $home"
    else
        say "kept $(printf '%s' "$home" | tr '\n' '?')"
    fi
fi
lock_host
if [ "$found" = ours ]; then
    edit userdel -- "$current"
    case $status in
    0 | 6) ;;
    8) fail running ;;
    *) fail "edit userdel $status" ;;
    esac
    # Something in its place may have done nothing and say otherwise.
    passwd_entry "$current" 1
    [ -z "$entry" ] || fail "idle userdel"
fi
# userdel takes the group along where the host is set up so and it has the account's name.
group_line "$name" 1
if [ -n "$line" ]; then
    part_of "$line" 3
    if [ -z "$uid" ] || [ "$part" = "$uid" ]; then
        edit groupdel -- "$name"
        [ "$status" -eq 0 ] || fail "edit groupdel $status"
        group_line "$name" 1
        [ -z "$line" ] || fail "idle groupdel"
    fi
fi
say 'removed yes'
[ "$compares" = no ] || states "$swept"
say 'done'
