set -eu
# Whether sshd lets an account in by a certificate of a record's own authority.

# What sshd does for the account $1 when it comes from the address $2, as `sshd -T` prints it.
sshd_settings() {
    sshd -T -C "user=$1,host=$2,addr=$2" 2> /dev/null || sshd -T 2> /dev/null || :
}

# The values of the setting $2 (in lower case) in $1.
setting() {
    printf '%s\n' "$1" | sed -n "s/^$2 //p"
}

# Whether with the settings $1 a certificate by the authority whose public key is $2 (algorithm and base64) lets the account in
# that it names, without anything else that would have to be on the host.
trusts() {
    [ -n "$2" ] || return 1
    authorities=$(printf '%s\n' "$1" | awk '
        function has(list, word) { return index("," list ",", "," word ",") > 0 }
        { name = $1; sub(/^[^ ]* /, ""); of[name] = $0 }
        END {
            # Named otherwise before OpenSSH 8.5.
            accepted = of["pubkeyacceptedalgorithms"] "," of["pubkeyacceptedkeytypes"]
            methods = of["authenticationmethods"]
            if (of["pubkeyauthentication"] == "yes" && (methods == "any" || methods == "publickey") &&
                of["authorizedprincipalsfile"] == "none" && of["authorizedprincipalscommand"] == "none" &&
                has(accepted, "ssh-ed25519-cert-v01@openssh.com") && has(of["casignaturealgorithms"], "ssh-ed25519"))
                print of["trustedusercakeys"]
        }')
    case $authorities in
    /*) [ -f "$authorities" ] || return 1 ;;
    *) return 1 ;;
    esac
    asked=$2 awk '$1 " " $2 == ENVIRON["asked"] { found = 1 } END { exit !found }' "$authorities"
}
