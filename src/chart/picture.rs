//! A chart as a picture of its own: SVG with its style within, and the same drawn as PNG for whoever shows no SVG.

use std::fmt::Write;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Tree};

use super::{Chart, letters};

const STYLE: &str = include_str!("picture.css");
/// So many pixels of a picture are one of its own units: sharp on a telephone.
const SCALE: f32 = 2.0;
/// The size of its letters in its own units.
const LETTERS: f64 = 11.0;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is nothing to be seen.
    #[error("there are no readings of that time")]
    Nothing,
    /// A bug: the chart is no SVG, or too large.
    #[error("the chart cannot be drawn: {0}")]
    Unusable(String),
}

impl Chart<'_> {
    /// The chart as SVG that needs nothing beside it; empty where nothing was read.
    pub fn file(&self) -> String {
        let svg = self.svg();
        let Some(begin) = svg.find('>') else { return svg };
        let (width, height) = self.size;
        let (head, body) = svg.split_at(begin + 1);
        format!(
            "{head}<style>{STYLE}</style><rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>{body}"
        )
    }

    /// The chart as PNG.
    ///
    /// # Errors
    /// [`Error`]
    pub fn png(&self) -> Result<Vec<u8>, Error> {
        let svg = self.file();
        if svg.is_empty() {
            return Err(Error::Nothing);
        }
        let unusable = |why: &dyn std::fmt::Display| Error::Unusable(why.to_string());
        let outlined = outlined(&svg);
        let tree = Tree::from_str(&outlined, &usvg::Options::default()).map_err(|error| unusable(&error))?;
        let (width, height) = (self.size.0 as f32 * SCALE, self.size.1 as f32 * SCALE);
        let mut picture = Pixmap::new(width as u32, height as u32).ok_or_else(|| unusable(&"its size"))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
        picture.encode_png().map_err(|error| unusable(&error))
    }
}

/// The chart with the outlines of letters in place of its text.
fn outlined(svg: &str) -> String {
    let mut parts = svg.split("<text ");
    let mut outlined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (text, rest) = part.split_once("</text>").unwrap_or((part, ""));
        let (attributes, label) = text.split_once('>').unwrap_or((text, ""));
        let number = |name: &str| {
            let value = attributes.split_once(name).and_then(|(_, behind)| behind.split_once('"'));
            value.and_then(|(value, _)| value.parse::<f64>().ok()).unwrap_or_default()
        };
        let (mut x, y, scale) = (number("x=\""), number("y=\""), LETTERS / 1_000.0);
        if attributes.contains("text-anchor=\"end\"") {
            x -= label.chars().map(|letter| f64::from(letters::of(letter).0)).sum::<f64>() * scale;
        }
        for letter in label.chars() {
            let (width, path) = letters::of(letter);
            // Writing to a text cannot fail.
            let _written = write!(
                outlined,
                "<path class=\"letter\" transform=\"translate({x:.2} {y:.1}) scale({scale})\" d=\"{path}\"/>"
            );
            x += f64::from(width) * scale;
        }
        outlined.push_str(rest);
    }
    outlined
}
