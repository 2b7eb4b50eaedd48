package main

import (
	"os"
	"testing"
)

// The stories of people, centres and workers, each in browsers of their own: nothing is
// signed in, clicked or read beside the pages. In French on phones, where the person's
// has no JavaScript; in Arabic on the screens of desks.
func TestStoriesInABrowser(t *testing.T) {
	t.Parallel()
	w := openWindow(t)
	stories := []struct {
		name  string
		tell  func(*town)
		short bool // told in the small size, too
	}{
		{"6 nothing left", nothingLeft, false}, // the longest first
		{"2 any centre", anyCentre, true},
		{"9 a worker leaves", aWorkerLeaves, false},
		{"4 forgotten, on site", questionsAtACentre, false},
		{"5 forgotten, by call", aSheetByPhone, false},
		{"10 licence expired", theLicenceExpires, false},
		{"1 opening", opening, true},
		{"12 lost phone", aPhoneIsLost, false},
		{"8 leaving a relay", leavingARelay, true},
		{"11 seen", seen, false},
		{"3 private", keptPrivate, false},
		{"7 full", full, false},
	}
	all := os.Getenv("RECONNECT_TEST_ALL") == "1"
	for _, p := range []pass{frenchOnPhones, arabicOnDesks} {
		for _, story := range stories {
			if !all && (p.lang != "fr" || !story.short) {
				continue
			}
			t.Run(p.name+"/"+story.name, func(t *testing.T) {
				t.Parallel()
				story.tell(newTown(t, w, p))
			})
		}
	}
}
