package report

import (
	"encoding/json"

	"github.com/concord-trust/concord/standard"
)

// StandardOf reads the standard that a report's JSON names, "" if it names
// none or is no report.
func StandardOf(data []byte) standard.Ref {
	var head struct {
		Standard standard.Ref `json:"standard"`
	}
	if json.Unmarshal(data, &head) != nil {
		return ""
	}
	return head.Standard
}
