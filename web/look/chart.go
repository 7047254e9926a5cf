package look

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// Bar is one column or bar of a chart.
type Bar struct {
	Label string
	Value float64
	// Withheld bars are drawn as an empty dashed frame, whose size means
	// nothing.
	Withheld bool
	// Open marks a period that was not over: it is drawn lighter.
	Open bool
	// Chance is by how much the value would vary by chance alone; it is drawn
	// as a whisker to both sides.
	Chance float64
}

// Strip is a small chart of columns over time with its own label, so that no
// legend is needed. Note stands at its right end.
type Strip struct {
	Label, Note string
	Bars        []Bar
}

// Chart is a drawing made on the server: panels that fill whatever width they
// get, so that their text keeps its size on a phone.
type Chart struct {
	// Alt says the finding in words, for who cannot see the chart.
	Alt    string
	panels []panel
	class  string
}

type panel struct {
	height int
	svg    string
}

// Empty reports whether there is nothing to draw.
func (c Chart) Empty() bool { return len(c.panels) == 0 }

// Strips draws rows of columns over one common time axis and one common
// scale, so that rows can be compared.
func Strips(alt string, strips []Strip) Chart {
	c := Chart{Alt: alt, class: "strips"}
	if len(strips) == 1 {
		c.class = "strip"
	}
	var all []Bar
	for _, s := range strips {
		all = append(all, s.Bars...)
	}
	most := largest(all)
	for _, s := range strips {
		if len(s.Bars) > 0 {
			c.panels = append(c.panels, drawStrip(s, most))
		}
	}
	return c
}

// Heights of a panel's parts, in pixels.
const (
	stripTop    = 26 // the line with label and note
	stripColumn = 44 // the tallest column
	stripFoot   = 20 // the line with the first and the last period
	rankRow     = 40
)

func drawStrip(s Strip, most float64) panel {
	var b strings.Builder
	const base = stripTop + stripColumn
	fmt.Fprintf(&b, `<text class="label" x="0" y="14">%s</text>`, escape(s.Label))
	if s.Note != "" {
		fmt.Fprintf(&b, `<text class="soft" x="100%%" y="14" text-anchor="end">%s</text>`, escape(s.Note))
	}
	step := 100 / float64(len(s.Bars))
	for i, bar := range s.Bars {
		column(&b, bar, float64(i)*step+step*.1, step*.8, base, most)
	}
	fmt.Fprintf(&b, `<line class="axis" x1="0" x2="100%%" y1="%d" y2="%d"/>`, base, base)
	first, last := s.Bars[0], s.Bars[len(s.Bars)-1]
	fmt.Fprintf(&b, `<text class="soft tick" x="0" y="%d">%s</text>`, base+15, escape(first.Label))
	fmt.Fprintf(&b, `<text class="soft tick" x="100%%" y="%d" text-anchor="end">%s</text>`, base+15, escape(last.Label))
	return panel{stripTop + stripColumn + stripFoot, b.String()}
}

// column draws one bar upright; x and w are percentages of the width.
func column(b *strings.Builder, bar Bar, x, w float64, base int, most float64) {
	if bar.Withheld {
		fmt.Fprintf(b, `<rect class="gone" x="%.2f%%" y="%d" width="%.2f%%" height="16"><title>%s: withheld</title></rect>`, x, base-17, w, escape(bar.Label))
		return
	}
	h := bar.Value / most * stripColumn
	fmt.Fprintf(b, `<rect class="%s" x="%.2f%%" y="%.1f" width="%.2f%%" height="%.1f"><title>%s: %s</title></rect>`,
		barClass(bar), x, float64(base)-h, w, h, escape(bar.Label), Number(bar.Value))
	if e := bar.Chance / most * stripColumn; e > 1 {
		fmt.Fprintf(b, `<line class="whisker" x1="%.2f%%" x2="%.2f%%" y1="%.1f" y2="%.1f"/>`, x+w/2, x+w/2, float64(base)-h-e, float64(base)-h+e)
	}
}

// Ranks draws horizontal bars, each under its label and figure.
func Ranks(alt string, bars []Bar) Chart {
	if len(bars) == 0 {
		return Chart{}
	}
	most := largest(bars)
	var b strings.Builder
	for i, bar := range bars {
		y := i * rankRow
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text>`, y+14, escape(bar.Label))
		if bar.Withheld {
			fmt.Fprintf(&b, `<text class="soft" x="100%%" y="%d" text-anchor="end">withheld</text><rect class="gone" x="1" y="%d" width="12%%" height="11"/>`, y+14, y+20)
			continue
		}
		w := math.Max(.4, bar.Value/most*100)
		fmt.Fprintf(&b, `<text class="figure" x="100%%" y="%d" text-anchor="end">%s</text><rect class="%s" x="0" y="%d" width="%.2f%%" height="12"/>`,
			y+14, Number(bar.Value), barClass(bar), y+20, w)
		if e := bar.Chance / most * 100; e > .3 {
			fmt.Fprintf(&b, `<line class="whisker" x1="%.2f%%" x2="%.2f%%" y1="%d" y2="%d"/>`, math.Max(0, w-e), math.Min(100, w+e), y+26, y+26)
		}
	}
	return Chart{Alt: alt, class: "ranks", panels: []panel{{len(bars) * rankRow, b.String()}}}
}

// HTML is the chart within a page.
func (c Chart) HTML() template.HTML {
	if c.Empty() {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<div class="chart %s" role="img" aria-label="%s">`, c.class, escape(c.Alt))
	for _, p := range c.panels {
		fmt.Fprintf(&b, `<svg width="100%%" height="%d" aria-hidden="true" focusable="false">%s</svg>`, p.height, p.svg)
	}
	b.WriteString(`</div>`)
	return template.HTML(b.String())
}

// fileStyle is how a chart looks away from its page.
const fileStyle = `svg{background:#fff}text{font:13px sans-serif;fill:#1b1f23}.title{font-size:15px;font-weight:600}.label{font-weight:600}.soft{fill:#555d66}.tick{font-size:11px}` +
	`.axis{stroke:#8a939b}.bar{fill:#2f7199}.open{fill:#a9c8da}.whisker{stroke:#1b1f23;stroke-width:1.5}.gone{fill:none;stroke:#8a939b;stroke-dasharray:3 2}`

// File is the chart as a file of its own, with its title and source.
func (c Chart) File(title string, source []string) []byte {
	const width, margin, gap = 720, 16, 10
	height := 44
	var b strings.Builder
	for _, p := range c.panels {
		fmt.Fprintf(&b, `<svg x="%d" y="%d" width="%d" height="%d">%s</svg>`, margin, height, width-2*margin, p.height, p.svg)
		height += p.height + gap
	}
	for _, line := range source {
		height += 15
		fmt.Fprintf(&b, `<text class="soft tick" x="%d" y="%d">%s</text>`, margin, height, escape(line))
	}
	height += margin
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img"><title>%s</title><desc>%s</desc><style>%s</style><text class="title" x="%d" y="26">%s</text>%s</svg>`,
		width, height, width, height, escape(title), escape(c.Alt), fileStyle, margin, escape(short(title, 78)), b.String())
}

// largest is the end of the scale: the largest value with its whisker.
func largest(bars []Bar) float64 {
	most := 1.0
	for _, b := range bars {
		if !b.Withheld {
			most = math.Max(most, b.Value+b.Chance)
		}
	}
	return most
}

func barClass(b Bar) string {
	if b.Open {
		return "bar open"
	}
	return "bar"
}

// escape writes text for HTML and for XML.
func escape(s string) string { return template.HTMLEscapeString(s) }

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
