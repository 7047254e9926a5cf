package kanonymity

// partition is the table at a beginning of a transformation: the tuples, class
// after class, with what has been put aside.
type partition struct {
	tuples []int32
	ends   []int32 // of the classes in tuples
	// suppressed rows, put aside.
	suppressed int
	// kept, by column: what the generalised values of the rows not put aside
	// stand for, summed. Only columns decided are valid.
	kept []int64
	// level of the column decided last, and the least loss of every
	// continuation as a key of the metric.
	level int
	bound []float64

	own     []int32 // tuples' buffer, when they are not the parent's
	ownEnds []int32
}

// splitter makes partitions from partitions.
type splitter struct {
	t      *table
	models []Model
	// monotone: classes that fail are put aside as soon as they are seen.
	monotone bool
	levels   []int // of the columns decided
	counter  *counter

	// For each code of the column at hand, within one class: valid for the
	// codes in parts, size zero for all others.
	parts   []int32
	size    []int32
	records []int
	first   []int32 // tuple
	next    []int32 // place in the new partition, -1 if put aside
}

func newSplitter(t *table, models []Model) *splitter {
	s := &splitter{t: t, models: models, monotone: allMonotone(models), levels: make([]int, len(t.columns)), counter: newCounter(t)}
	widest := 0
	for _, c := range t.columns {
		for _, l := range c.levels {
			widest = max(widest, l.codes)
		}
	}
	s.size, s.records = make([]int32, widest), make([]int, widest)
	s.first, s.next = make([]int32, widest), make([]int32, widest)
	return s
}

// whole is the partition before any column is decided: all rows in one class.
func (s *splitter) whole() *partition {
	p := &partition{kept: make([]int64, len(s.t.columns))}
	if s.t.rows == 0 {
		return p
	}
	if s.monotone && !s.mayPass(s.t.rows) {
		p.suppressed = s.t.rows
		return p
	}
	for i := range s.t.weight {
		p.tuples = append(p.tuples, int32(i))
	}
	if s.monotone && !s.passes(p.tuples, s.t.rows) {
		p.tuples, p.suppressed = nil, s.t.rows
		return p
	}
	p.ends = []int32{int32(len(p.tuples))}
	return p
}

// split writes into dst the partition src with column q decided at level l.
// decided are the columns decided before; src may also have q at a coarser
// level, of which l is a refinement.
func (s *splitter) split(src *partition, decided []int, q, l int, dst *partition) {
	s.levels[q], dst.level = l, l
	dst.suppressed, dst.kept = src.suppressed, append(dst.kept[:0], src.kept...)
	lv := &s.t.columns[q].levels[l]
	if lv.codes == 1 { // nothing to split
		dst.tuples, dst.ends = src.tuples, src.ends
		dst.kept[q] = int64(s.t.rows-src.suppressed) * lv.stands[0]
		return
	}
	dst.kept[q] = 0
	if cap(dst.own) < len(src.tuples) {
		dst.own = make([]int32, len(src.tuples))
	}
	dst.tuples, dst.ends = dst.own[:0], dst.ownEnds[:0]
	start := int32(0)
	for _, end := range src.ends {
		s.splitClass(src.tuples[start:end], lv, decided, q, dst)
		start = end
	}
	dst.ownEnds = dst.ends
}

// splitClass appends the parts of one class to dst, without those put aside.
func (s *splitter) splitClass(class []int32, lv *level, decided []int, q int, dst *partition) {
	code, weight := lv.code, s.t.weight
	s.parts = s.parts[:0]
	for _, t := range class {
		c := code[t]
		if s.size[c] == 0 {
			s.parts, s.first[c], s.records[c] = append(s.parts, c), t, 0
		}
		s.size[c]++
		s.records[c] += int(weight[t])
	}
	if len(s.parts) == 1 { // the class as it was, and judged already
		c := s.parts[0]
		s.size[c] = 0
		dst.tuples = append(dst.tuples, class...)
		dst.ends = append(dst.ends, int32(len(dst.tuples)))
		dst.kept[q] += int64(s.records[c]) * lv.stands[c]
		return
	}
	begin := int32(len(dst.tuples))
	at := begin
	for _, c := range s.parts {
		if s.monotone && !s.mayPass(s.records[c]) {
			s.putAside(dst, decided, s.first[c], s.records[c])
			s.next[c] = -1
			continue
		}
		s.next[c] = at
		at += s.size[c]
	}
	dst.tuples = dst.tuples[:at]
	for _, t := range class {
		if c := code[t]; s.next[c] >= 0 {
			dst.tuples[s.next[c]] = t
			s.next[c]++
		}
	}
	// Judge the parts placed, and move those that pass together.
	at, end := begin, begin
	for _, c := range s.parts {
		size := s.size[c]
		s.size[c] = 0
		if s.next[c] < 0 {
			continue
		}
		part := dst.tuples[end : end+size]
		end += size
		if s.monotone && !s.passes(part, s.records[c]) {
			s.putAside(dst, decided, s.first[c], s.records[c])
			continue
		}
		copy(dst.tuples[at:], part)
		at += size
		dst.ends = append(dst.ends, at)
		dst.kept[q] += int64(s.records[c]) * lv.stands[c]
	}
	dst.tuples = dst.tuples[:at]
}

// putAside takes a class, of which one tuple is given, out of the sums.
func (s *splitter) putAside(p *partition, decided []int, tuple int32, records int) {
	p.suppressed += records
	for _, q := range decided {
		lv := &s.t.columns[q].levels[s.levels[q]]
		p.kept[q] -= int64(records) * lv.stands[lv.code[tuple]]
	}
}

// mayPass reports, for monotone models, whether a class of so many records
// could pass at best: each with its own victim, and told by all owner groups.
func (s *splitter) mayPass(records int) bool {
	return satisfied(s.models, Class{Records: records, Victims: records, Groups: s.t.allGroups})
}

// passes reports, for monotone models, whether a class passes. It counts only
// until the models are satisfied: more cannot change that.
func (s *splitter) passes(class []int32, records int) bool {
	s.counter.begin(records)
	if satisfied(s.models, s.counter.class) {
		return true
	}
	for _, t := range class {
		if s.counter.add(t) && satisfied(s.models, s.counter.class) {
			return true
		}
	}
	return false
}

// judge puts the failing classes of a whole transformation aside, where that
// was not done on the way. It changes the sums of p, not its tuples.
func (s *splitter) judge(p *partition, decided []int) {
	if s.monotone {
		return
	}
	start := int32(0)
	for _, end := range p.ends {
		class := p.tuples[start:end]
		start = end
		if c := s.counter.count(class); !satisfied(s.models, c) {
			s.putAside(p, decided, class[0], c.Records)
		}
	}
}
