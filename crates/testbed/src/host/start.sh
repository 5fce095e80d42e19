# Makes a disposable host and becomes it. Runs as process 1 of new pid, network, UTS, IPC and mount namespaces, in the
# host's scratch directory, still with the machine's files and /proc around it.
#
# Nothing it makes outlives its processes, but for the interface that the machine sees, the cgroup of a host with
# systemd, and the scratch directory: last.sh takes the first two away, the watchdog the third.
set -eu
flavour=$1 base=$2 name=$3 interface=$4 network=$5 machine=$6 cgroup=$7
here=$(pwd)

# What is mounted here stays here, while what the machine takes off disappears here too.
if ! mount --make-rslave / 2> /dev/null; then
    # The root is no mount, as in a chroot, and mounting would reach beyond it: begin again in one that is.
    mkdir machine
    mount --rbind / machine
    cd machine
    mount --move . /
    # shellcheck disable=SC2016
    exec chroot . sh -euc 'cd "$0"; exec sh start.sh "$@"' "$here" "$@"
fi

# The network: a link of two ends, the far one made where the tests are.
ip link add eth0 type veth peer name "$interface" netns "/proc/$machine/ns/net"
ip -batch - << BATCH
link set lo up
addr add $network.2/30 dev eth0
link set eth0 up
BATCH
# This end last: once the machine has its address, the host answers.
nsenter --net="/proc/$machine/ns/net" ip -batch - << BATCH
link set $interface up
addr add $network.1/30 dev $interface
BATCH

# The files: the base root, with what changes kept in memory.
mkdir disk
mount -t tmpfs -o mode=755,size=2g mayfly disk
mkdir disk/base disk/upper disk/work disk/root
# Bound first, because a path may hold what overlay's options would take for a separator.
mount --bind "$base" disk/base
mount -t overlay -o lowerdir=disk/base,upperdir=disk/upper,workdir=disk/work overlay disk/root
cd disk/root

# Who it is.
echo "$name" > etc/hostname
printf '127.0.0.1 localhost\n%s.2 %s\n' "$network" "$name" > etc/hosts
tr -d - < /proc/sys/kernel/random/uuid > etc/machine-id
for type in ed25519 ecdsa; do
    ssh-keygen -q -t "$type" -N '' -C "root@$name" -f "etc/ssh/ssh_host_${type}_key"
done

# shellcheck source=plain.sh source=systemd.sh
. "$here/$flavour.sh"
