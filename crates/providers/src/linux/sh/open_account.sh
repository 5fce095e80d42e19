# Makes an account with a group of its own and, unless sshd trusts our authority, the key that its session logs in with.
# Values: lock, last moment, account, mark, least and most id, shell, home, day of expiry, group or nothing with its id, file of keys
# or nothing, public key, our address, end of the key in seconds since 1970, whether ports may be forwarded (yes or no),
# the highest id of the range that the ledger knows or nothing.
set -eu
lock=${1#=} last=${2#=} name=${3#=} mark=${4#=} least=${5#=} most=${6#=} shell=${7#=} home=${8#=} expires=${9#=}
shift 9
group=${1#=} gid=${2#=} keys=${3#=} key=${4#=} from=${5#=} ends=${6#=} forwarding=${7#=} highest=${8#=}
say 'mayfly 1'
lock_account "$lock"

passwd_entry "$name" 1
[ -z "$entry" ] || fail taken
group_line "$name" 1
[ -z "$line" ] || fail taken
if [ -e "$home" ] || [ -L "$home" ]; then fail home; fi
if [ -n "$group" ]; then
    group_line "$group" 1
    part_of "$line" 3
    [ "$part" = "$gid" ] || fail group
fi

# sshd reads a time without a zone by the host's own; it knows `Z` since 9.1.
version=$(sshd -V 2>&1 || :)
case $version in
*OpenSSH_[0-9]*.[0-9]*)
    version=${version#*OpenSSH_}
    minor=${version#*.}
    major=${version%%[!0-9]*} minor=${minor%%[!0-9]*}
    ;;
*) major=0 minor=0 ;;
esac
if [ "$major" -gt 9 ] || { [ "$major" -eq 9 ] && [ "$minor" -ge 1 ]; }; then
    until=$(date -u -d "@$ends" +%Y%m%d%H%M%SZ)
else
    until=$(date -d "@$ends" +%Y%m%d%H%M%S)
fi

# The next id: above every one of the range that is in use, above the marks of all that ever were, and above those that the ledger
# knows. A mark is the first id of its range and the highest one so far; another range's counts where the two overlap.
lock_host
marks= others=
if [ -r "$state/ids" ]; then
    while IFS= read -r noted; do
        marks=$marks$noted'
'
        case $noted in
        "$least "*) ;;
        *) others=$others$noted'
' ;;
        esac
    done < "$state/ids"
fi
uid=$(least=$least most=$most highest=$highest marks=$marks awk -F: '
    BEGIN {
        least = ENVIRON["least"] + 0; most = ENVIRON["most"] + 0; top = ENVIRON["highest"] + 0
        count = split(ENVIRON["marks"], lines, "\n")
        for (i = 1; i <= count; i++) {
            # An older one is alone, and counts for every range.
            if (split(lines[i], mark, " ") == 1) { mark[2] = mark[1]; mark[1] = 0 }
            if (mark[1] + 0 > most || mark[2] + 0 < least) continue
            if (mark[2] + 0 > top) top = mark[2] + 0
        }
    }
    $3 + 0 >= least && $3 + 0 <= most && $3 + 0 > top { top = $3 + 0 }
    END { printf "%.0f\n", (top < least ? least : top + 1) }' /etc/passwd /etc/group)
has_holder() {
    getent passwd "$1" > /dev/null || getent group "$1" > /dev/null
}
while [ "$uid" -le "$most" ] && has_holder "$uid"; do
    uid=$((uid + 1))
done
# Before the account is made, so that whatever happens nobody else gets it.
if [ "$uid" -le "$most" ]; then
    printf '%s%s %s\n' "$others" "$least" "$uid" > "$state/ids.new"
    sync "$state/ids.new" 2> /dev/null || :
    mv "$state/ids.new" "$state/ids"
else
    # The range is used up: one that a search of the whole host has found to own nothing.
    uid=
    for id in $(least=$least most=$most awk '$1 + 0 >= ENVIRON["least"] + 0 && $1 + 0 <= ENVIRON["most"] + 0' \
        "$state/free" 2> /dev/null || :); do
        if ! has_holder "$id"; then
            uid=$id
            break
        fi
    done
    [ -n "$uid" ] || fail "ids $(sed -n 2p "$state/held-$least-$most" 2> /dev/null || :)"
    uid=$uid awk '$1 != ENVIRON["uid"]' "$state/free" > "$state/free.new"
    sync "$state/free.new" 2> /dev/null || :
    mv "$state/free.new" "$state/free"
fi

in_time "$last"
edit groupadd -g "$uid" -- "$name"
[ "$status" -eq 0 ] || fail "edit groupadd $status"
set -- -u "$uid" -g "$uid" -m -d "$home" -s "$shell" -c "$mark" -e "$expires" -p '*' \
    -K SUB_UID_COUNT=0 -K SUB_GID_COUNT=0
[ -z "$group" ] || set -- "$@" -G "$group"
edit useradd "$@" -- "$name"
if [ "$status" -ne 0 ]; then
    failed=$status
    passwd_entry "$name" 1
    [ -z "$entry" ] || fail unknown
    groupdel -- "$name" > /dev/null 2>&1 || fail unknown
    fail "edit useradd $failed"
fi
exec 8>&-

if [ -z "$keys" ]; then
    say "uid $uid"
    say 'done'
    exit 0
fi
# No process of the account has run yet, so nothing in its home is anybody's trap.
folder=${keys%/*}
allowed=pty
[ "$forwarding" != yes ] || allowed=pty,port-forwarding
made="restrict,$allowed,from=\"$from\",expiry-time=\"$until\" $key"
case $keys in
"$home"/*) owner=$uid mode=600 folder_mode=700 ;;
*) owner=0 mode=644 folder_mode=755 ;;
esac
if [ ! -d "$folder" ]; then
    mkdir -m "$folder_mode" "$folder" || fail unknown
    chown "$owner:$owner" "$folder" || fail unknown
fi
# Whole or not at all.
printf '%s\n' "$made" > "$keys.new" || fail unknown
# With the umask it has the mode 600 already.
[ "$mode" = 600 ] || chmod "$mode" "$keys.new" || fail unknown
chown "$owner:$owner" "$keys.new" && mv "$keys.new" "$keys" || fail unknown
say "uid $uid"
say 'done'
