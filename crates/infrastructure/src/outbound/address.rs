//! Which addresses belong to the public internet, and what the others are.
//!
//! After the special-purpose address registries of IANA (RFC 6890 and its successors). IPv4 is public unless it is
//! listed; IPv6 is public only within 2000::/3, so that what is assigned tomorrow is refused until it is listed here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(first: [u16; 3], last: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first[0], first[1], first[2], 0, 0, 0, 0, last), prefix)
}

/// The first that contains an address says what it is.
const SPECIAL_V4: &[(Ipv4Net, &str)] = &[
    (v4(169, 254, 169, 254, 32), "a cloud metadata address"),
    (v4(100, 100, 100, 200, 32), "a cloud metadata address"),
    (v4(168, 63, 129, 16, 32), "a cloud metadata address"),
    (v4(192, 0, 0, 192, 32), "a cloud metadata address"),
    (v4(0, 0, 0, 0, 8), "an unspecified address"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a carrier-grade NAT address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a reserved address"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmarking address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(255, 255, 255, 255, 32), "the broadcast address"),
    (v4(240, 0, 0, 0, 4), "a reserved address"),
];

const SPECIAL_V6: &[(Ipv6Net, &str)] = &[
    (v6([0xfd00, 0xec2, 0], 0x254, 128), "a cloud metadata address"),
    (v6([0, 0, 0], 0, 128), "an unspecified address"),
    (v6([0, 0, 0], 1, 128), "a loopback address"),
    (v6([0, 0, 0], 0, 96), "an IPv4-compatible address"),
    (v6([0x64, 0xff9b, 1], 0, 48), "a local NAT64 address"),
    (v6([0x2001, 0, 0], 0, 32), "a Teredo address"),
    (v6([0x2001, 0, 0], 0, 23), "a reserved address"),
    (v6([0x2001, 0xdb8, 0], 0, 32), "a documentation address"),
    (v6([0x2002, 0, 0], 0, 16), "a 6to4 address"),
    (v6([0x3fff, 0, 0], 0, 20), "a documentation address"),
    (v6([0xfc00, 0, 0], 0, 7), "a unique-local address"),
    (v6([0xfe80, 0, 0], 0, 10), "a link-local address"),
    (v6([0xfec0, 0, 0], 0, 10), "a site-local address"),
    (v6([0xff00, 0, 0], 0, 8), "a multicast address"),
];

/// The IPv6 addresses that are assigned for use on the internet.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 0, 3);

/// IPv4 behind NAT64 (RFC 6052): what a resolver answers for IPv4 hosts in a network that has only IPv6.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 0, 96);

/// Why an address is not one of the public internet, as a noun with its article; `None` for a public one.
///
/// An IPv4-mapped or NAT64 address is judged by the IPv4 address it stands for. The other embeddings of IPv4
/// (compatible, 6to4, Teredo) have no use left and are refused whatever they embed.
pub(super) fn objection(address: IpAddr) -> Option<&'static str> {
    match address.to_canonical() {
        IpAddr::V4(address) => objection_v4(address),
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            objection_v4(Ipv4Addr::new(a, b, c, d))
        }
        IpAddr::V6(address) => {
            let special = SPECIAL_V6.iter().find(|(net, _)| net.contains(&address));
            let reserved = (!GLOBAL_V6.contains(&address)).then_some("a reserved address");
            special.map(|(_, what)| *what).or(reserved)
        }
    }
}

fn objection_v4(address: Ipv4Addr) -> Option<&'static str> {
    SPECIAL_V4.iter().find(|(net, _)| net.contains(&address)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_address_is_known() {
        for (address, what) in [
            ("0.0.0.0", "an unspecified address"),
            ("0.1.2.3", "an unspecified address"),
            ("10.255.255.255", "a private address"),
            ("100.64.0.1", "a carrier-grade NAT address"),
            ("100.100.100.200", "a cloud metadata address"),
            ("127.0.0.1", "a loopback address"),
            ("127.255.255.254", "a loopback address"),
            ("168.63.129.16", "a cloud metadata address"),
            ("169.254.1.1", "a link-local address"),
            ("169.254.169.254", "a cloud metadata address"),
            ("172.16.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.0.0.1", "a reserved address"),
            ("192.0.0.192", "a cloud metadata address"),
            ("192.0.2.1", "a documentation address"),
            ("192.88.99.1", "a 6to4 relay address"),
            ("192.168.0.1", "a private address"),
            ("198.19.255.255", "a benchmarking address"),
            ("198.51.100.1", "a documentation address"),
            ("203.0.113.1", "a documentation address"),
            ("224.0.0.1", "a multicast address"),
            ("239.255.255.255", "a multicast address"),
            ("240.0.0.1", "a reserved address"),
            ("255.255.255.255", "the broadcast address"),
            ("::", "an unspecified address"),
            ("::1", "a loopback address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::ffff:169.254.169.254", "a cloud metadata address"),
            ("::127.0.0.1", "an IPv4-compatible address"),
            ("::8.8.8.8", "an IPv4-compatible address"),
            ("::ffff:0:10.0.0.1", "a reserved address"),
            ("64:ff9b::10.0.0.1", "a private address"),
            ("64:ff9b::a9fe:a9fe", "a cloud metadata address"),
            ("64:ff9b:1::8.8.8.8", "a local NAT64 address"),
            ("100::1", "a reserved address"),
            ("2001::1", "a Teredo address"),
            ("2001:10::1", "a reserved address"),
            ("2001:db8::1", "a documentation address"),
            ("2002:7f00:1::", "a 6to4 address"),
            ("2002:808:808::", "a 6to4 address"),
            ("3fff:fff::1", "a documentation address"),
            ("4000::1", "a reserved address"),
            ("5f00::1", "a reserved address"),
            ("fc00::1", "a unique-local address"),
            ("fd00:ec2::254", "a cloud metadata address"),
            ("fdff::1", "a unique-local address"),
            ("fe80::1", "a link-local address"),
            ("fec0::1", "a site-local address"),
            ("ff02::1", "a multicast address"),
        ] {
            assert_eq!(objection(address.parse().expect(address)), Some(what), "{address}");
        }
    }

    #[test]
    fn the_public_internet_is_open() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700:4700::1111",
            "3ffe::1",
        ] {
            assert_eq!(objection(address.parse().expect(address)), None, "{address}");
        }
    }
}
