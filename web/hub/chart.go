package hub

import (
	"fmt"
	"html/template"
	"math"
	"strings"
	"time"

	"github.com/concord-trust/concord/hub/analyse"
	"github.com/concord-trust/concord/hub/deliver"
	"github.com/concord-trust/concord/web/look"
)

// shown is a statistic ready for a page: its finding, its chart and its
// figures.
type shown struct {
	analyse.Table
	Finding deliver.Finding
	Chart   template.HTML
	Href    string // of the page of its own
}

func (s *Site) shown(v visit, t analyse.Table) shown {
	return shown{t, deliver.Find(t), chart(t).HTML(), v.to("/sectors/" + t.Sector + "/statistics/" + t.Name)}
}

// Line is a row of a table as text: its label, and the figure of each column.
type Line struct {
	Label string
	Cells []analyse.Figure
}

// Lines lays the figures out in rows for reading.
func (t shown) Lines() []Line {
	if len(t.Dimensions) == 0 {
		return nil
	}
	width := 1
	if len(t.Dimensions) == 2 {
		width = len(t.Dimensions[1].Categories)
	}
	var lines []Line
	for i, label := range t.Dimensions[0].Labels {
		lines = append(lines, Line{label, t.Figures[i*width : (i+1)*width]})
	}
	return lines
}

// Heads are the columns' names.
func (t shown) Heads() []string {
	if len(t.Dimensions) == 2 {
		return t.Dimensions[1].Labels
	}
	return []string{upperFirst(t.Counts)}
}

// Withheld is how many figures are not shown.
func (t shown) Withheld() int { return t.Cells - t.Shown }

// Reasons are why figures are withheld, each once.
func (t shown) Reasons() []string {
	var out []string
	seen := map[string]bool{}
	for _, f := range t.Figures {
		if f.Withheld != "" && !seen[f.Withheld] {
			seen[f.Withheld] = true
			out = append(out, f.Withheld)
		}
	}
	return out
}

// Counted reports whether the figures are counts, whose whiskers show chance.
func (t shown) Counted() bool { return t.Counts == "incidents" }

// chart draws a protected table: rows of columns over time, else bars.
func chart(t analyse.Table) look.Chart {
	if len(t.Dimensions) == 0 || t.Shown == 0 {
		return look.Chart{}
	}
	last := t.Dimensions[len(t.Dimensions)-1]
	inTime := last.Name == "quarter" || last.Name == "month"
	if !inTime {
		var bars []look.Bar
		for i, f := range t.Figures {
			bars = append(bars, bar(t, f, last.Labels[i]))
		}
		return look.Ranks(alt(t), bars)
	}
	width := len(last.Categories)
	over := deliver.Closed(t, last.Categories)
	var strips []look.Strip
	for start := 0; start < len(t.Figures); start += width {
		strip := look.Strip{Label: upperFirst(t.Counts)}
		if len(t.Dimensions) == 2 {
			strip.Label = t.Dimensions[0].Labels[start/width]
		}
		for k, f := range t.Figures[start : start+width] {
			b := bar(t, f, last.Labels[k])
			b.Open = k >= over
			strip.Bars = append(strip.Bars, b)
		}
		if over > 0 {
			strip.Note = last.Labels[over-1] + ": " + figure(t.Figures[start+over-1])
		}
		strips = append(strips, strip)
	}
	return look.Strips(alt(t), strips)
}

func bar(t analyse.Table, f analyse.Figure, label string) look.Bar {
	b := look.Bar{Label: label, Value: f.Value, Withheld: f.Withheld != ""}
	if t.Counts == "incidents" && !b.Withheld {
		b.Chance = math.Sqrt(f.Value)
	}
	return b
}

func figure(f analyse.Figure) string {
	if f.Withheld != "" {
		return "withheld"
	}
	return look.Number(f.Value)
}

// alt says a chart's content in words, for who cannot see it.
func alt(t analyse.Table) string {
	f := deliver.Find(t)
	return fmt.Sprintf("%s. %s %s, counting %s, %s to %s; %d of %d figures are shown. The figures stand in a table after the chart.",
		f.Sentence, f.Detail, t.Title, t.Counts, t.From, t.To, t.Shown, t.Cells)
}

// source says where a chart comes from, in lines for a file.
func (s *Site) source(t analyse.Table) []string {
	lines := wrapped(fmt.Sprintf("Source: %s, sector %s, snapshot of %s. Counts %s, %s to %s; %d of %d figures shown.",
		s.Title, t.Sector, moment(t.Taken), t.Counts, t.From, t.To, t.Shown, t.Cells), lineWidth)
	if t.Note != "" {
		lines = append(lines, wrapped(upperFirst(t.Note)+".", lineWidth)...)
	}
	if t.Missing != "" {
		lines = append(lines, wrapped("Not in it: "+t.Missing+".", lineWidth)...)
	}
	return append(lines, wrapped("Protection: "+t.Protection+".", lineWidth)...)
}

// lineWidth is how many letters a line of a chart's source holds.
const lineWidth = 98

func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

// moment writes a time to the minute.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") + " UTC" }

func number[T int | int64 | float64](n T) string { return look.Number(n) }

// percent writes a share of 0 to 1.
func percent(share float64) string { return fmt.Sprintf("%.0f\u202f%%", 100*share) }
