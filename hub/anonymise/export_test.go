package anonymise

// The forms of a table, for tests that tamper with all of them alike.
var (
	WriteCSV     = writeCSV
	WriteJSONL   = writeJSONL
	WriteParquet = writeParquet
)
