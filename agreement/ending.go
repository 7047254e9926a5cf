package agreement

import "time"

// reminders say how many days before its end a member is reminded, the
// earliest first.
var reminders = [...]int{30, 7, 1}

// Reminders lists how many days before its end a member is reminded, the
// earliest first.
func Reminders() []int { return append([]int(nil), reminders[:]...) }

// Reminder tells how many days are left until an agreement's end, begun ones
// counted whole, and how many reminders are due by now: 0 to len(Reminders()),
// or one more once it has ended.
func Reminder(until, now time.Time) (days, due int) {
	const day = 24 * time.Hour
	left := until.Sub(now)
	if left <= 0 {
		return 0, len(reminders) + 1
	}
	days = int((left + day - 1) / day)
	for _, r := range reminders {
		if left <= time.Duration(r)*day {
			due++
		}
	}
	return days, due
}

// Outlives reports whether what was contributed may be passed on under the
// agreement's terms although it has ended.
func (a Agreement) Outlives() bool { return a.AfterEnd == Keep }
