//! The client that is counted, and the limits from settings.

use super::*;

// S8
#[test]
fn a_client_is_an_ipv4_address_or_an_ipv6_64() {
    for (ip, name) in [
        (Some("192.0.2.7"), "192.0.2.7"),
        (Some("::ffff:192.0.2.7"), "192.0.2.7"),
        (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::"),
        (Some("2001:db8:1:2:ffff::1"), "2001:db8:1:2::"),
        (Some("2001:db8:1:3::1"), "2001:db8:1:3::"),
        (Some("nonsense"), "-"),
        (None, "-"),
    ] {
        assert_eq!(client(ip), name);
    }
}

// S8
#[test]
fn spellings_of_an_address_share_a_bucket_and_a_device_has_its_own() {
    let key = |text: &str| AccountKey::address(&Email::parse(text).unwrap(), None).name;
    assert_eq!(key("Ann@Example.com"), key(" ann@example.com "));
    assert_ne!(key("ann@example.com"), key("bob@example.com"));
    let device = Device::new(UserId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]), 1);
    let known = AccountKey::address(&Email::parse("ann@example.com").unwrap(), Some(&device)).name;
    assert_ne!(key("ann@example.com"), known);
    assert!(!known.contains("ann"), "no address in a key");
}

// B7
#[test]
fn the_settings_take_numbers_of_their_range_and_0_switches_the_limits_off() {
    let of = |pairs: &[(&str, &str)]| Limits::of_strangers(&Env::from_pairs(pairs.iter().copied()));
    let default = of(&[]).unwrap().unwrap();
    assert_eq!(default.client, Quota::per_minute(5));
    assert_eq!(default.attempts, AttemptQuotas::per_minute(5));
    assert_eq!((default.attempts.client_an_hour, default.attempts.account_an_hour), (20, 100));
    assert_eq!(default.registrations_a_day, 100);
    let set = [
        ("RATE_LIMIT_PER_MINUTE", "7"),
        ("RATE_LIMIT_PER_CLIENT_PER_MINUTE", "50"),
        ("REGISTRATIONS_PER_CLIENT_PER_DAY", "9"),
    ];
    let set = of(&set).unwrap().unwrap();
    assert_eq!((set.client, set.attempts.client), (Quota::per_minute(50), Quota::per_minute(7)));
    assert_eq!(set.registrations_a_day, 9);
    assert_eq!(of(&[("RATE_LIMIT_PER_MINUTE", "0")]).unwrap(), None);
    for (name, bad) in [
        ("RATE_LIMIT_PER_MINUTE", "-1"),
        ("RATE_LIMIT_PER_MINUTE", "1001"),
        ("RATE_LIMIT_PER_MINUTE", "many"),
        ("RATE_LIMIT_PER_CLIENT_PER_MINUTE", "0"),
        ("REGISTRATIONS_PER_CLIENT_PER_DAY", "0"),
    ] {
        assert_eq!(of(&[(name, bad)]).unwrap_err().variable, name);
    }
}
