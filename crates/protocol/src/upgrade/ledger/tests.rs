use super::super::refusal::Refusal;
use super::*;

const LIMITS: UpgradeLimits = UpgradeLimits { per_hour: 6, probation: Duration::from_secs(60), failures: 2 };

fn boot() -> BootId {
    BootId("this".to_owned())
}

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

fn at(secs: u64) -> Moment {
    Moment { nanos: (1_000_000 + secs) * 1_000_000_000 }
}

fn good(version: &str) -> LastGood {
    LastGood { version: v(version), program: format!("/opt/{version}/w").into() }
}

/// A hand-over from begin to office.
fn replaced(ledger: &mut Ledger, to: &str, from: &str, epoch: u64, secs: u64) {
    ledger.permits(&v(to), &v(from), true, at(secs), LIMITS).unwrap();
    ledger.begin(&v(to), good(from), Epoch(epoch - 1), at(secs), LIMITS);
    ledger.took_office(&v(to), Epoch(epoch), at(secs));
}

#[test]
fn each_version_replaces_another_once_a_day() {
    let mut ledger = Ledger::empty(boot());
    replaced(&mut ledger, "2.0.0", "1.0.0", 2, 0);
    let refused = ledger.permits(&v("2.0.0+other.build"), &v("1.0.0"), true, at(3600), LIMITS);
    assert_eq!(refused, Err(Refusal::OnceADay { ago: Duration::from_secs(3600) }));
    let bytes = ledger.render();
    let next_day = Ledger::read(Some(&bytes), boot(), at(24 * 3600));
    assert_eq!(next_day.permits(&v("2.0.0"), &v("1.0.0"), true, at(24 * 3600), LIMITS), Ok(()));
}

#[test]
fn who_was_replaced_does_not_replace_the_replacer() {
    let mut ledger = Ledger::empty(boot());
    replaced(&mut ledger, "2.0.0", "1.0.0", 2, 0);
    let back = ledger.permits(&v("1.0.0"), &v("2.0.0"), true, at(1), LIMITS);
    assert_eq!(back, Err(Refusal::Replaced));
    assert_eq!(ledger.permits(&v("3.0.0"), &v("2.0.0"), true, at(1), LIMITS), Ok(()));
}

#[test]
fn whatever_versions_ask_in_whatever_order_it_comes_to_an_end() {
    let mut ledger = Ledger::empty(boot());
    let limits = UpgradeLimits { per_hour: 1000, ..LIMITS };
    let (mut in_office, mut hand_overs, mut seed) = (0, 0, 7_u64);
    for n in 0..2_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let asks = (seed >> 33) % 5;
        let (to, from) = (v(&format!("1.0.{asks}")), format!("1.0.{in_office}"));
        if asks != in_office && ledger.permits(&to, &v(&from), true, at(n), limits).is_ok() {
            ledger.begin(&to, good(&from), Epoch(n), at(n), limits);
            ledger.took_office(&to, Epoch(n + 1), at(n));
            (in_office, hand_overs) = (asks, hand_overs + 1);
        }
    }
    assert!((1..=5).contains(&hand_overs), "{hand_overs}");
}

#[test]
fn there_are_so_many_in_an_hour_and_then_it_is_said_when_the_next_may_be() {
    let mut ledger = Ledger::empty(boot());
    for n in 0..6 {
        replaced(&mut ledger, &format!("1.0.{}", n + 1), &format!("1.0.{n}"), n + 2, n * 60);
    }
    let ask = |ledger: &Ledger, secs| ledger.permits(&v("2.0.0"), &v("1.0.6"), true, at(secs), LIMITS);
    let retry_in = Duration::from_secs(3600 - 360);
    assert_eq!(ask(&ledger, 360), Err(Refusal::TooMany { per_hour: 6, retry_in }));
    let bytes = ledger.render();
    assert_eq!(ask(&Ledger::read(Some(&bytes), boot(), at(3601)), 3601), Ok(()));
    let none = UpgradeLimits { per_hour: 0, ..LIMITS };
    let refused = Ledger::empty(boot()).permits(&v("2.0.0"), &v("1.0.0"), true, at(0), none);
    assert_eq!(refused, Err(Refusal::TooMany { per_hour: 0, retry_in: HOUR }));
}

#[test]
fn a_session_that_can_not_use_the_worker_is_held_back_by_the_hour_and_by_failures_only() {
    let mut ledger = Ledger::empty(boot());
    replaced(&mut ledger, "2.0.0", "1.0.0", 2, 0);
    assert_eq!(ledger.permits(&v("2.0.0"), &v("1.0.0"), false, at(1), LIMITS), Ok(()));
}

#[test]
fn a_version_that_fails_too_often_is_bad_and_what_served_before_is_known() {
    let mut ledger = Ledger::empty(boot());
    for n in 0..3 {
        assert_eq!(ledger.is_bad(&v("2.0.0"), at(n), LIMITS), None);
        ledger.begin(&v("2.0.0"), good("1.0.0"), Epoch(1), at(n), LIMITS);
        ledger.failed(&v("2.0.0"), "it panicked", "at line 7");
    }
    let Err(Refusal::Bad { failures: 3, why, log_tail, .. }) =
        ledger.permits(&v("2.0.0"), &v("1.0.0"), false, at(3), LIMITS)
    else {
        panic!("{ledger:?}")
    };
    assert_eq!((why.as_str(), log_tail.as_str()), ("it panicked", "at line 7"));
    assert_eq!(ledger.last_good(&v("2.0.0")), Some(&good("1.0.0")));
    assert_eq!(ledger.last_good(&v("1.0.0")), None);
}

#[test]
fn only_an_unclean_death_within_the_probation_is_a_failure() {
    let on_probation = || {
        let mut ledger = Ledger::empty(boot());
        replaced(&mut ledger, "2.0.0", "1.0.0", 2, 0);
        ledger
    };
    let failures = |ledger: &Ledger| ledger.find(&v("2.0.0")).unwrap().failures;
    let mut died = on_probation();
    assert!(!died.ended(Epoch(1), false, at(59), LIMITS), "of another tenure");
    assert!(died.ended(Epoch(2), false, at(59), LIMITS));
    assert!(!died.ended(Epoch(2), false, at(59), LIMITS), "it dies once");
    assert_eq!(failures(&died), 1);
    assert!(died.is_tried(&v("2.0.0")));
    died.tried_again(&v("2.0.0"), Epoch(3), at(60));
    assert!(died.ended(Epoch(3), false, at(61), LIMITS));
    assert_eq!(failures(&died), 2);
    for (in_good_order, secs) in [(true, 1), (false, 60)] {
        let mut served = on_probation();
        assert!(served.ended(Epoch(2), in_good_order, at(secs), LIMITS));
        assert_eq!(failures(&served), 0);
    }
}

#[test]
fn a_successor_on_probation_is_not_the_last_good_one() {
    let mut ledger = Ledger::empty(boot());
    replaced(&mut ledger, "2.0.0", "1.0.0", 2, 0);
    replaced(&mut ledger, "3.0.0", "2.0.0", 3, 10);
    assert_eq!(ledger.last_good(&v("3.0.0")), Some(&good("1.0.0")));
    replaced(&mut ledger, "4.0.0", "3.0.0", 4, 100);
    assert_eq!(ledger.last_good(&v("4.0.0")), Some(&good("3.0.0")));
}

#[test]
fn a_hand_over_whose_session_died_counts_unless_the_old_worker_is_still_in_office() {
    let begun = || {
        let mut ledger = Ledger::empty(boot());
        ledger.begin(&v("2.0.0"), good("1.0.0"), Epoch(1), at(0), LIMITS);
        assert_eq!(ledger.open(), [(v("2.0.0"), at(0), Begun { of: Epoch(1), process: None })]);
        ledger
    };
    for (in_office, again) in [(Some(Epoch(1)), true), (Some(Epoch(2)), false), (None, false)] {
        let mut ledger = begun();
        ledger.close(&v("2.0.0"), in_office, at(1));
        assert_eq!(ledger.open(), []);
        assert_eq!(ledger.permits(&v("2.0.0"), &v("1.0.0"), true, at(1), LIMITS).is_ok(), again);
    }
}

#[test]
fn a_version_that_is_found_in_office_has_replaced_another() {
    let mut ledger = Ledger::empty(boot());
    ledger.begin(&v("2.0.0"), good("1.0.0"), Epoch(1), at(0), LIMITS);
    ledger.failed(&v("2.0.0"), "it ended before it took office", "");
    ledger.recognise(&v("2.0.0"), Epoch(2), at(1));
    assert!(ledger.permits(&v("2.0.0"), &v("1.0.0"), true, at(2), LIMITS).is_err());
}

#[test]
fn another_boot_the_future_and_garbage_are_nothing() {
    let mut ledger = Ledger::empty(boot());
    replaced(&mut ledger, "2.0.0", "1.0.0", 2, 100);
    let bytes = ledger.render();
    assert_eq!(Ledger::read(Some(&bytes), boot(), at(100)), ledger);
    let other = BootId("other".to_owned());
    assert_eq!(Ledger::read(Some(&bytes), other.clone(), at(100)), Ledger::empty(other));
    assert!(Ledger::read(Some(&bytes), boot(), at(50)).versions.is_empty());
    for garbage in [None, Some(&b""[..]), Some(b"{}"), Some(&[0xFF; 9])] {
        assert_eq!(Ledger::read(garbage, boot(), at(0)), Ledger::empty(boot()));
    }
}

#[test]
fn the_file_never_grows_beyond_what_is_read_of_it() {
    let mut ledger = Ledger::empty(boot());
    let limits = UpgradeLimits { per_hour: u32::MAX, ..LIMITS };
    for n in 0..5_000 {
        let version = format!("1.0.{n}-{}", "x".repeat(500));
        ledger.begin(&v(&version), good("1.0.0"), Epoch(1), at(n / 10), limits);
        // Each of them is six bytes of JSON.
        ledger.failed(&v(&version), &"\u{1}".repeat(9_000), &"\u{1}".repeat(9_000));
        let bytes = ledger.render();
        assert!(bytes.len() <= READ_LIMIT, "{}", bytes.len());
    }
    assert!(!ledger.versions.is_empty(), "the last ones are kept");
}

#[test]
fn what_a_person_has_chosen_is_not_replaced_for_a_day_and_what_was_known_of_it_counts_no_more() {
    let mut ledger = Ledger::empty(boot());
    for _ in 0..=LIMITS.failures {
        ledger.begin(&v("1.0.0"), good("2.0.0"), Epoch(1), at(0), LIMITS);
        ledger.failed(&v("1.0.0"), "no", "");
    }
    assert!(ledger.is_bad(&v("1.0.0"), at(1), LIMITS).is_some());
    ledger.choose(&v("1.0.0"), at(1));
    let ledger = Ledger::read(Some(&ledger.render()), boot(), at(10));
    assert_eq!(ledger.is_bad(&v("1.0.0"), at(10), LIMITS), None);
    let kept = Err(Refusal::Chosen { ago: Duration::from_secs(9) });
    assert_eq!(ledger.permits(&v("3.0.0"), &v("1.0.0+build"), true, at(10), LIMITS), kept);
    assert_eq!(ledger.permits(&v("3.0.0"), &v("1.0.0"), false, at(10), LIMITS), Ok(()), "it can't be used");
    assert_eq!(
        ledger.permits(&v("3.0.0"), &v("2.0.0"), true, at(10), LIMITS),
        Ok(()),
        "another is in office"
    );
    let next_day = Ledger::read(Some(&ledger.clone().render()), boot(), at(24 * 3600 + 1));
    assert_eq!(next_day.permits(&v("3.0.0"), &v("1.0.0"), true, at(24 * 3600 + 1), LIMITS), Ok(()));
}
