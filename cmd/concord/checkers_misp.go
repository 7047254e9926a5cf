package main

import (
	"io"

	"github.com/concord-trust/concord/formats/misp"
)

// checkMISP judges events, also those of a response, one by one.
func checkMISP(in io.Reader, yield func(verdict) error) error {
	return misp.CheckAll(in, func(c misp.Checked) error {
		v := verdict{Line: c.Line, ID: c.ID, Type: "event"}
		for _, f := range c.Errors {
			v.Errors = append(v.Errors, finding(f))
		}
		for _, f := range c.Warnings {
			v.Warnings = append(v.Warnings, finding(f))
		}
		return yield(v)
	})
}
