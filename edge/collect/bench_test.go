package collect

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"testing"
)

// incidents builds JSON Lines of the shape and size that volunteers write.
func incidents(n int) []byte {
	var b bytes.Buffer
	industries := []string{"522110", "622110", "541511", "923130", "31-33"}
	varieties := []string{"SQLi", "Use of stolen creds", "Brute force", "Exploit vuln", "MitM"}
	for i := range n {
		fmt.Fprintf(&b, `{"action":{"hacking":{"notes":"Found by the operator, see the report of the %dth day.","result":["Infiltrate"],"variety":[%q,"Unknown"],"vector":["Web application"]},"malware":{"variety":["Backdoor","C2"],"vector":["Direct install"]}},`+
			`"actor":{"external":{"country":["US","Unknown"],"motive":["Financial"],"region":["021000"],"variety":["Organized crime"]}},`+
			`"asset":{"assets":[{"amount":%d,"variety":"S - Web application"},{"variety":"S - Database"},{"variety":"U - Desktop"}],"cloud":["Unknown"],"notes":"Two machines, one of them rented."},`+
			`"attribute":{"confidentiality":{"data":[{"amount":%d,"variety":"Personal"},{"variety":"Credentials"}],"data_disclosure":"Yes","data_total":%d,"data_victim":["Customer"],"state":["Stored"]},"integrity":{"variety":["Modify data"]}},`+
			`"discovery_method":{"external":{"variety":["Security researcher"]}},"impact":{"loss":[{"amount":%d,"rating":"Minor","variety":"Legal and regulatory"}],"overall_rating":"Damaging"},`+
			`"incident_id":"8F2A6C3E-0000-4000-8000-%012d","plus":{"analysis_status":"Finalized","analyst":"analyst%d","attribute":{"confidentiality":{"credit_monitoring":"Unknown","data_abuse":"No"}},"created":"2013-07-15T17:46:00Z","dbir_year":2014,"github":"%d","master_id":"8F2A6C3E-0000-4000-8000-%012d","modified":"2014-05-10T00:58:29Z","timeline":{"notification":{"day":%d,"month":%d,"year":2014}}},`+
			`"reference":"https://news.example.org/article/%d; https://blog.example.net/%d","schema_version":"1.3.4","security_incident":"Confirmed","source_id":"vcdb","summary":"A site of the victim was entered through a form that was not checked. Names, addresses and passwords of customers were copied and later offered for sale; the victim informed those concerned %d days later.",`+
			`"timeline":{"compromise":{"unit":"Minutes"},"discovery":{"unit":"Months","value":%d},"incident":{"day":%d,"month":%d,"year":2013}},"victim":{"country":["US"],"employee_count":"1001 to 10000","industry":%q,"locations_affected":1,"region":["019021"],"state":"NY","victim_id":"Example Company %d"}}`+"\n",
			i, varieties[i%5], i%9+1, i*7, i*11, i*13, i, i%17, i, i, i%28+1, i%12+1, i, i, i%90, i%12+1, i%28+1, i%12+1, industries[i%5], i)
	}
	return b.Bytes()
}

// BenchmarkConvertVERIS reads incidents and writes reports: `concord convert`.
// Its reference is BenchmarkDecodeJSON on the same bytes.
func BenchmarkConvertVERIS(b *testing.B) {
	data := incidents(500)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		w, err := NewWriter(io.Discard, "report")
		if err != nil {
			b.Fatal(err)
		}
		account, err := Read(context.Background(), bytes.NewReader(data), "file", Options{Format: "veris", Standard: sector}, w.Write)
		if err != nil || account.Reports != 500 || account.InvalidCount() > 0 {
			b.Fatal(err, account.Summary())
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecodeJSON decodes the same bytes with encoding/json and does
// nothing with them.
func BenchmarkDecodeJSON(b *testing.B) {
	data := incidents(500)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		dec := json.NewDecoder(bytes.NewReader(data))
		for range 500 {
			var v map[string]any
			if err := dec.Decode(&v); err != nil {
				b.Fatal(err)
			}
		}
	}
}
