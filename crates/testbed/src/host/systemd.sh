# The rest of a host with systemd: sourced by start.sh in the host's root, and stays as the parent of nspawn.
set -eu

# A control group of its own in every hierarchy: nspawn and the systemd in it work below the one that they find
# themselves in, and two hosts in one would take each other's services for their own.
while IFS=: read -r _ controllers path; do
    case $controllers in
    '') top=/sys/fs/cgroup/unified && [ -d "$top" ] || top=/sys/fs/cgroup ;;
    name=*) top=/sys/fs/cgroup/${controllers#name=} ;;
    *) top=/sys/fs/cgroup/$controllers ;;
    esac
    own=$top${path%/}/$cgroup
    if mkdir "$own" && echo 0 2> /dev/null > "$own/cgroup.procs"; then
        continue
    fi
    # A cpuset takes nobody in until it has been set up, and need not.
    case $controllers in
    '' | name=systemd) echo "a host with systemd needs a control group of its own" >&2 && exit 1 ;;
    esac
done < /proc/self/cgroup

# nspawn keeps notes on the machine under /run, and reads /proc.
mount -t tmpfs -o mode=755 tmpfs /run
mount -t proc -o nosuid,nodev,noexec proc /proc
systemd-nspawn --quiet --directory="$here/disk/root" --machine="$name" --hostname="$name" --boot \
    --register=no --keep-unit --network-namespace-path=/proc/self/ns/net \
    --link-journal=no --resolv-conf=off --timezone=off < /dev/null &
wait "$!"
