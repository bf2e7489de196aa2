use std::time::Duration;

use super::*;
use crate::reading::Celsius;
use crate::store::bucket::Sum;

const STEP: i64 = 300;

fn at(step: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_100 + step * STEP).unwrap()
}

fn celsius(degrees: f64) -> Celsius {
    Celsius::from_degrees(degrees).unwrap()
}

fn point(step: i64, degrees: &[f64]) -> (Timestamp, Aggregate) {
    let mut sum = Sum::default();
    degrees.iter().for_each(|degrees| sum.add(Ok(celsius(*degrees))));
    (at(step), sum.aggregate())
}

fn chart<'a>(points: &'a [(Timestamp, Aggregate)], zone: &'a TimeZone, units: Units) -> Chart<'a> {
    Chart {
        label: String::from("<Milk> & \"more\""),
        from: at(0),
        to: at(100),
        points,
        step_s: STEP,
        limits: Limits { min: Some(celsius(0.0)), max: Some(celsius(5.0)) },
        spans: Vec::new(),
        marks: Vec::new(),
        zone,
        units,
        size: (720.0, 280.0),
    }
}

#[test]
fn a_gap_is_no_line_and_a_single_reading_is_a_dot() {
    let points = [point(1, &[3.0]), point(2, &[3.0, 4.0]), point(30, &[2.0])];
    let svg = chart(&points, &TimeZone::UTC, Units::Celsius).svg();
    assert_eq!(svg.matches("<polyline").count(), 2, "{svg}");
    assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
    assert_eq!(svg.matches("class=\"limit\"").count(), 2);
    assert!(svg.contains("&lt;Milk&gt; &amp; &quot;more&quot;") && !svg.contains("<Milk>"), "{svg}");
    assert_eq!(chart(&[], &TimeZone::UTC, Units::Celsius).svg(), "");
}

#[test]
fn an_excursion_that_is_in_the_extremes_alone_is_set_off_and_gaps_are_told_from_it() {
    let points = [point(1, &[3.0]), point(2, &[3.0, 9.0, 3.0]), point(3, &[3.0]), point(20, &[-1.0])];
    let limits = Limits { min: Some(celsius(0.0)), max: Some(celsius(5.0)) };
    let outside = Chart::outside(&points, STEP, &limits);
    assert_eq!(outside, [(at(2), at(3)), (at(20), at(21))]);
    let gaps = Chart::gaps(&points, STEP, at(0), at(22));
    assert_eq!(gaps, [(at(4), at(20))]);
    assert_eq!(Chart::gaps(&[], STEP, at(0), at(22)), [(at(0), at(22))]);
}

#[test]
fn the_labels_below_are_round_hours_of_the_place_also_where_the_clock_changes() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    // The clocks went forward on 29 March 2026 at 02:00.
    let from: Timestamp = "2026-03-28T20:00:00Z".parse().unwrap();
    let to = from.checked_add(Duration::from_secs(86_400)).unwrap();
    let points = [(from, point(0, &[3.0]).1)];
    let day = Chart { from, to, ..chart(&points, &zone, Units::Celsius) };
    let svg = day.svg();
    for label in [">21:00<", ">00:00<", ">03:00<", ">06:00<", ">18:00<"] {
        assert!(svg.contains(label), "{label}: {svg}");
    }
    assert!(!svg.contains(":30<"), "{svg}");
}

#[test]
fn what_a_script_reads_of_the_scale_is_in_celsius_whatever_is_shown() {
    let points = [point(1, &[0.0]), point(2, &[5.0])];
    let plot = |units| {
        let svg = chart(&points, &TimeZone::UTC, units).svg();
        let plot = svg.split("data-plot=\"").nth(1).unwrap().split('"').next().unwrap();
        let numbers: Vec<f64> = plot.split(' ').map(|number| number.parse().unwrap()).collect();
        (numbers[4], numbers[5])
    };
    let (high, low) = plot(Units::Celsius);
    assert!((high - 5.25).abs() < 0.01 && (low + 0.25).abs() < 0.01, "{high} {low}");
    let (high, low) = plot(Units::Fahrenheit);
    assert!((high - 5.25).abs() < 0.01 && (low + 0.25).abs() < 0.01, "{high} {low}");
}

#[test]
fn the_picture_is_png_with_letters_and_nothing_else_is_needed_for_it() {
    let points: Vec<_> = (0..100).map(|step| point(step, &[3.0 + (step % 7) as f64 / 4.0])).collect();
    let zone = TimeZone::UTC;
    let day = chart(&points, &zone, Units::Celsius);
    let png = day.png().unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let size = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    assert_eq!((size(16), size(20)), (1_440, 560));
    for label in day.file().split("<text ").skip(1) {
        let label = label.split_once('>').unwrap().1.split('<').next().unwrap();
        assert!(
            label.chars().all(|it| it == ' ' || !letters::of(it).1.is_empty()),
            "{label} has a letter that is not drawn"
        );
    }
    let quiet = Chart { units: Units::Fahrenheit, ..day };
    assert_ne!(quiet.png().unwrap(), png, "the labels are drawn");
    assert!(matches!(chart(&[], &TimeZone::UTC, Units::Celsius).png(), Err(PictureError::Nothing)));
}

#[test]
fn in_a_terminal_each_line_fits_and_the_ends_are_labelled() {
    let points: Vec<_> = (0..100).map(|step| point(step, &[1.0 + step as f64 / 20.0])).collect();
    let zone = TimeZone::UTC;
    let text = chart(&points, &zone, Units::Celsius).braille(80, 10);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 11, "{text}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    assert!(lines[0].contains("5.9 °C") && lines[9].contains("0.0 °C"), "{text}");
    assert!(text.contains("2026-"), "{text}");
    // It rises: the highest line begins further right than the lowest.
    let unlimited = Chart { limits: Limits::default(), ..chart(&points, &zone, Units::Celsius) };
    let text = unlimited.braille(80, 10);
    let lines: Vec<&str> = text.lines().collect();
    let first_dot = |line: &str| line.chars().position(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
    assert!(first_dot(lines[0]) > first_dot(lines[9]) && first_dot(lines[9]).is_some(), "{text}");
    assert_eq!(chart(&[], &zone, Units::Celsius).braille(80, 10), "");
}
