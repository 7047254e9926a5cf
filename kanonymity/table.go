package kanonymity

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// table holds the rows folded to tuples, the distinct combinations of codes,
// and for every column and level the tuples' generalised values as codes.
type table struct {
	rows    int
	tupleOf []int32 // by row
	columns []column
	// by tuple
	weight  []int32   // rows folded into it
	victims [][]int32 // distinct, numbered from 0; the unknown ones are one
	groups  [][]int32 // distinct, numbered from 0
	// how many there are in all
	allVictims, allGroups int
}

// column is one quasi-identifier over the tuples.
type column struct {
	domain int // values of the hierarchy
	// nested: values equal at a level are equal at the next one.
	nested bool
	levels []level
	// useful levels, coarsest first: without those that split the rows as
	// the next finer one does, and therefore only lose.
	useful []int
	// least number of values that any generalised value stands for.
	least int64
}

// level is a column generalised.
type level struct {
	code   []int32 // by tuple
	codes  int     // all are below
	stands []int64 // by code: how many values of the domain it stands for
	total  int64   // of stands over all rows
}

func newTable(hs []Hierarchy, rows []Row) (*table, error) {
	for q, h := range hs {
		if len(h.Levels) == 0 || len(h.Levels[0]) == 0 && len(rows) > 0 {
			return nil, fmt.Errorf("quasi-identifier %d: its hierarchy is empty", q)
		}
		for l, values := range h.Levels {
			if len(values) != len(h.Levels[0]) {
				return nil, fmt.Errorf("quasi-identifier %d: level %d of its hierarchy has %d values, level 0 has %d", q, l, len(values), len(h.Levels[0]))
			}
		}
	}
	if len(rows) > math.MaxInt32 {
		return nil, fmt.Errorf("%d rows are more than the %d that one table may have", len(rows), math.MaxInt32)
	}
	t := &table{rows: len(rows)}
	tuples, err := t.fold(hs, rows)
	if err != nil {
		return nil, err
	}
	for q, h := range hs {
		t.columns = append(t.columns, t.column(h, q, tuples))
	}
	return t, nil
}

// fold puts rows of equal codes together and returns a row of each tuple.
func (t *table) fold(hs []Hierarchy, rows []Row) (tuples []Row, err error) {
	at := map[string]int32{}
	victims, groups := numbering{}, numbering{}
	t.tupleOf = make([]int32, len(rows))
	var key []byte
	for r, row := range rows {
		if len(row.Codes) != len(hs) {
			return nil, fmt.Errorf("row %d has %d codes for %d quasi-identifiers", r, len(row.Codes), len(hs))
		}
		key = key[:0]
		for q, c := range row.Codes {
			if c < 0 || c >= len(hs[q].Levels[0]) {
				return nil, fmt.Errorf("row %d: code %d is not in the hierarchy of quasi-identifier %d, which has %d values", r, c, q, len(hs[q].Levels[0]))
			}
			key = binary.LittleEndian.AppendUint32(key, uint32(c))
		}
		i, ok := at[string(key)]
		if !ok {
			i = int32(len(tuples))
			at[string(key)] = i
			tuples = append(tuples, row)
			t.weight, t.victims, t.groups = append(t.weight, 0), append(t.victims, nil), append(t.groups, nil)
		}
		t.tupleOf[r] = i
		t.weight[i]++
		// max: all unknown victims are one, whatever negative they bear.
		t.victims[i] = append(t.victims[i], victims.of(max(row.Victim, -1)))
		for _, g := range row.Groups {
			t.groups[i] = append(t.groups[i], groups.of(g))
		}
	}
	for i := range t.weight {
		t.victims[i], t.groups[i] = distinct(t.victims[i]), distinct(t.groups[i])
	}
	t.allVictims, t.allGroups = len(victims), len(groups)
	return tuples, nil
}

func (t *table) column(h Hierarchy, q int, tuples []Row) column {
	c := column{domain: len(h.Levels[0]), nested: true, least: math.MaxInt64}
	var finer []int32 // by value of the domain: its code one level down
	occurring := make([]int, len(h.Levels))
	for l, values := range h.Levels {
		codes, of := map[string]int32{}, make([]int32, len(values))
		v := level{code: make([]int32, len(tuples))}
		for i, s := range values {
			n, ok := codes[s]
			if !ok {
				n = int32(len(codes))
				codes[s] = n
				v.stands = append(v.stands, 0)
			}
			of[i] = n
			v.stands[n]++
		}
		v.codes = len(codes)
		seen := make([]bool, v.codes)
		for i, row := range tuples {
			n := of[row.Codes[q]]
			v.code[i] = n
			v.total += int64(t.weight[i]) * v.stands[n]
			c.least = min(c.least, v.stands[n])
			if !seen[n] {
				seen[n] = true
				occurring[l]++
			}
		}
		if finer != nil && !coarsens(finer, of) {
			c.nested = false
		}
		finer = of
		c.levels = append(c.levels, v)
	}
	for l := len(h.Levels) - 1; l >= 0; l-- {
		if l == 0 || !c.nested || occurring[l] < occurring[l-1] {
			c.useful = append(c.useful, l)
		}
	}
	return c
}

// coarsens reports whether values of equal fine code have equal coarse code.
func coarsens(fine, coarse []int32) bool {
	to := map[int32]int32{}
	for i, f := range fine {
		if c, ok := to[f]; ok && c != coarse[i] {
			return false
		}
		to[f] = coarse[i]
	}
	return true
}

// numbering gives numbers from 0 in order of first sight.
type numbering map[int]int32

func (n numbering) of(id int) int32 {
	i, ok := n[id]
	if !ok {
		i = int32(len(n))
		n[id] = i
	}
	return i
}

func distinct(ids []int32) []int32 {
	slices.Sort(ids)
	return slices.Compact(ids)
}

// counter counts what models judge in a class. Marks of an earlier class are
// told by their turn, so that nothing needs to be cleared.
type counter struct {
	t               *table
	turn            int32
	victims, groups []int32 // turn in which it was last seen
	class           Class
}

func newCounter(t *table) *counter {
	return &counter{t: t, victims: make([]int32, t.allVictims), groups: make([]int32, t.allGroups)}
}

// begin starts a class; its records are known from the start.
func (c *counter) begin(records int) {
	if c.turn == math.MaxInt32 {
		clear(c.victims)
		clear(c.groups)
		c.turn = 0
	}
	c.turn++
	c.class = Class{Records: records}
}

// add counts the victims and owner groups of a tuple, and reports whether any
// of them was new.
func (c *counter) add(tuple int32) bool {
	before := c.class
	for _, v := range c.t.victims[tuple] {
		if c.victims[v] != c.turn {
			c.victims[v] = c.turn
			c.class.Victims++
		}
	}
	for _, g := range c.t.groups[tuple] {
		if c.groups[g] != c.turn {
			c.groups[g] = c.turn
			c.class.Groups++
		}
	}
	return c.class != before
}

// count is the class of these tuples.
func (c *counter) count(tuples []int32) Class {
	records := 0
	for _, t := range tuples {
		records += int(c.t.weight[t])
	}
	c.begin(records)
	for _, t := range tuples {
		c.add(t)
	}
	return c.class
}
