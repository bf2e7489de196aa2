//! A chart as a picture of its own: SVG with its style within, and the same drawn as PNG for whoever shows no SVG.

use std::sync::{Arc, LazyLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Tree, fontdb};

use super::Chart;

const STYLE: &str = include_str!("picture.css");
/// The letters, figures and signs of DejaVu Sans that a chart needs.
const FONT: &[u8] = include_bytes!("font.ttf");
/// So many pixels of a picture are one of its own units: sharp on a telephone.
const SCALE: f32 = 2.0;

/// The fonts of all pictures.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    Arc::new(fonts)
});

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
        let options = usvg::Options { fontdb: Arc::clone(&FONTS), ..usvg::Options::default() };
        let tree = Tree::from_str(&svg, &options).map_err(|error| unusable(&error))?;
        let (width, height) = (self.size.0 as f32 * SCALE, self.size.1 as f32 * SCALE);
        let mut picture = Pixmap::new(width as u32, height as u32).ok_or_else(|| unusable(&"its size"))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
        picture.encode_png().map_err(|error| unusable(&error))
    }
}
