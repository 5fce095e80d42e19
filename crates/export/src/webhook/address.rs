//! Which addresses a webhook may lead to unless an administrator allows more: public ones alone, so that nobody makes this server
//! talk to what only it can reach (SSRF, SECURITY-CASES §3, 15).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is a public one, by the registries of special-purpose addresses (RFC 6890) as far as they matter here.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => public_v4(address),
        IpAddr::V6(address) => public_v6(address),
    }
}

fn public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation();
    // 0/8 this network, 100.64/10 shared by carriers, 192.0.0/24 protocols, 198.18/15 benchmarks, 240/4 reserved.
    let ranges = a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240;
    !special && !ranges
}

fn public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return public_v4(inner);
    }
    let [first, second, third, ..] = address.segments();
    // Global unicast is 2000::/3; of it, documentation is taken out, and what carries an address of version 4 inside: 6to4 and
    // Teredo. NAT64 (64:ff9b::/96) lies outside.
    let global = first & 0xe000 == 0x2000;
    let documentation = first == 0x2001 && second == 0x0db8 || first == 0x3fff && second < 0x1000;
    let tunnel = first == 0x2002 || first == 0x2001 && second == 0 || first == 0x2001 && second == 2 && third == 0;
    global && !documentation && !tunnel
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["93.184.216.34", "100.128.0.1", "198.20.0.1", "2606:2800:220::1", "::ffff:93.184.216.34"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for special in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "2001::1",
        ] {
            assert!(!is_public(special.parse().unwrap()), "{special}");
        }
    }
}
