package kanonymity

import "fmt"

// Class is what a model judges: one equivalence class.
type Class struct {
	// Records in the class.
	Records int
	// Victims that are distinct. All rows whose victim is not known count as
	// one victim together, as they might all be about the same one.
	Victims int
	// Groups are the distinct owner groups among the contributors of all
	// records.
	Groups int
}

// Model is a privacy model: a demand on every equivalence class.
//
// A model over something that [Class] does not hold yet (the distribution of
// a sensitive attribute, for l-diversity or t-closeness) adds a field to Row
// and one to Class, counted in one place (counter); the search needs no
// change, provided that Monotone is claimed only where it is true. A field that
// monotone models judge also gets its best case in mayPass.
type Model interface {
	// Satisfied reports whether a class may be published. It MUST depend on
	// the class alone.
	Satisfied(Class) bool
	// String names the model with its parameter, as in "at least 5 records".
	String() string
}

// Monotone is a model that a class cannot fail by growing: whatever satisfies
// it still does when any of the counts rises. True of all thresholds on
// counts and of distinct l-diversity; not of entropy l-diversity, recursive
// (c,l)-diversity, t-closeness or β-likeness, which a class that passes can
// fail when rows are added. Only when all models are monotone is suppression
// used for pruning.
type Monotone interface {
	Model
	// Monotone does nothing: to have it is the claim.
	Monotone()
}

// KRecords demands at least k records in a class (k-anonymity, Sweeney 2002).
type KRecords int

// Satisfied implements [Model].
func (k KRecords) Satisfied(c Class) bool { return c.Records >= int(k) }

// Monotone implements [Monotone].
func (KRecords) Monotone() {}

func (k KRecords) String() string { return fmt.Sprintf("at least %d records", int(k)) }

// KVictims demands at least k distinct victims in a class: many records about
// one victim protect nobody.
type KVictims int

// Satisfied implements [Model].
func (k KVictims) Satisfied(c Class) bool { return c.Victims >= int(k) }

// Monotone implements [Monotone].
func (KVictims) Monotone() {}

func (k KVictims) String() string { return fmt.Sprintf("at least %d victims", int(k)) }

// KOwnerGroups demands at least m distinct contributing owner groups, so that
// no contributor recognises the others' records of a class as what is left
// when its own are taken away.
type KOwnerGroups int

// Satisfied implements [Model].
func (k KOwnerGroups) Satisfied(c Class) bool { return c.Groups >= int(k) }

// Monotone implements [Monotone].
func (KOwnerGroups) Monotone() {}

func (k KOwnerGroups) String() string { return fmt.Sprintf("at least %d owner groups", int(k)) }

// KGroups is the former name of [KOwnerGroups].
//
// Deprecated: use KOwnerGroups.
type KGroups = KOwnerGroups

// satisfied reports whether a class satisfies all models.
func satisfied(models []Model, c Class) bool {
	for _, m := range models {
		if !m.Satisfied(c) {
			return false
		}
	}
	return true
}

// allMonotone reports whether suppression may be used for pruning.
func allMonotone(models []Model) bool {
	for _, m := range models {
		if _, ok := m.(Monotone); !ok {
			return false
		}
	}
	return true
}
