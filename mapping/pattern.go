package mapping

import (
	"github.com/concord-trust/concord/observable"
	"github.com/concord-trust/concord/report"
)

// PatternOf writes the STIX pattern that finds an observable, in its canonical
// spelling; false for a type or a value of which STIX has no observable.
func PatternOf(typ, value string) (string, bool) {
	canonical, ok := observable.Canonical(typ, value)
	if !ok {
		return "", false
	}
	object, property, text := sco(report.Observable{Type: typ, Value: value}, canonical)
	if object == "" {
		return "", false
	}
	return stixPattern(object, property, text), true
}
