# Finds the ids of a range that nobody has and that own nothing on the whole host, and keeps their list for the accounts to come. What
# takes longer than we wait goes on by itself.
# Values: least and most id.
set -eu
least=${1#=} most=${2#=}
say 'mayfly 1'
mkdir -p "$run" "$state"

# Where local file systems are mounted, each once: as a whole if it is, otherwise in each of its parts. Blanks in a path are
# written as in /proc/self/mountinfo (proc(5)).
local_places() {
    awk '
        { for (i = 7; i < NF && $i != "-"; i++); type = $(i + 1) }
        type ~ /^(proc|sysfs|cgroup2?|devpts|securityfs|debugfs|tracefs|configfs|pstore|bpf|efivarfs|binfmt_misc|autofs)$/ { next }
        type ~ /^(rpc_pipefs|nsfs|fusectl|selinuxfs|nfs4?|cifs|smb3?|ncpfs|ceph|9p|afs|glusterfs|lustre|davfs|fuse\..*)$/ { next }
        $4 == "/" { if (!($3 in whole)) whole[$3] = $5; next }
        { parts[$5] = $3 }
        END {
            for (device in whole) print whole[device]
            for (place in parts) if (!(parts[place] in whole)) print place
        }' /proc/self/mountinfo
}

# Lines `ID WHAT` of everything that owns something. An id that nobody has is none that find could name.
owners() {
    local_places | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g' | while IFS= read -r place; do
        place=$(printf '%b.' "$place")
        find "${place%.}" -xdev \( -nouser -o -nogroup \) -exec ls -dnq '{}' '+' 2> /dev/null || :
    done | awk '{ user = $3; group = $4; for (i = 1; i <= 8; i++) sub(/^[^ ]+ +/, ""); print user, $0; print group, $0 }'
    grep -h -E '^(Uid|Gid|Groups):' /proc/[0-9]*/status 2> /dev/null |
        awk '{ for (i = 2; i <= NF; i++) print $i, "a process" }' || :
    grep -h '' /proc/[0-9]*/loginuid 2> /dev/null | awk '{ print $1, "a process" }' || :
    for kind in shm sem msg; do
        [ -r "/proc/sysvipc/$kind" ] || continue
        awk 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
            { print $at["uid"], "IPC"; print $at["gid"], "IPC"; print $at["cuid"], "IPC"; print $at["cgid"], "IPC" }
        ' "/proc/sysvipc/$kind"
    done
}

# Lines `ID WHAT` of everybody who has one.
holders() {
    awk -F: '{ print $3, "the account " $1; print $4, "the account " $1 }' /etc/passwd
    awk -F: '{ print $3, "the group " $1 }' /etc/group
}

search() {
    trap '' HUP
    # Whoever has an id when the search begins or ends is not missed, also while an account goes.
    {
        holders
        owners
        holders
        cat /etc/subuid /etc/subgid 2> /dev/null | awk -F: '{ print "+", $2, $3 }' || :
    } | least=$least most=$most now=$(date +%s) free=$state/free.found held=$state/held.found awk '
        BEGIN { least = ENVIRON["least"] + 0; most = ENVIRON["most"] + 0 }
        $1 == "+" {
            for (id = ($2 + 0 > least ? $2 + 0 : least); id < $2 + $3 && id <= most; id++) held[id] = "subordinate ids"
            next
        }
        $1 + 0 >= least && $1 + 0 <= most && !($1 in held) { id = $1 + 0; sub(/^[^ ]+ /, ""); held[id] = $0 }
        END {
            printf "" > ENVIRON["free"]
            for (id = least; id <= most; id++) if (!(id in held)) { print id > ENVIRON["free"]; found++ }
            print (found ? 0 : ENVIRON["now"]) > ENVIRON["held"]
            for (id = least; id <= most && shown < 5; id++)
                if (id in held) { print id, substr(held[id], 1, 200) > ENVIRON["held"]; shown++ }
        }'
    exec 8> "$run/host"
    flock 8
    {
        least=$least most=$most awk '$1 < ENVIRON["least"] + 0 || $1 > ENVIRON["most"] + 0' "$state/free" 2> /dev/null || :
        cat "$state/free.found"
    } > "$state/free.new"
    rm -f "$state/free.found"
    mv "$state/free.new" "$state/free"
    mv "$state/held.found" "$state/held-$least-$most"
}

# Where nothing was found, the host is not searched again for everybody who comes.
when=$(head -n 1 "$state/held-$least-$most" 2> /dev/null || :)
case $when in
'' | *[!0-9]*) when=0 ;;
esac
if [ "$(($(date +%s) - when))" -gt 600 ]; then
    exec 7> "$run/search"
    if flock -n 7; then
        search < /dev/null > /dev/null 2>&1 &
    fi
    exec 7>&- 6> "$run/search"
    flock -w 35 6 || fail searching
fi
say 'done'
