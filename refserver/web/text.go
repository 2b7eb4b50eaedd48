package web

import (
	"slices"
	"strconv"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// number reads a number from a form or an address; what is none is 0.
func number(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// neutral returns an item as pages may show it: every text in it neutralised
// (A8, G6). Templates get items from here alone.
func neutral(i vault.Item) vault.Item {
	i.Name = safename.Line(i.Name)
	i.Origin.By.Name = safename.Line(i.Origin.By.Name)
	i.Origin.By.Organisation = safename.Line(i.Origin.By.Organisation)
	i.Origin.Channel = safename.Line(i.Origin.Channel)
	if d := i.Document; d != nil {
		shown := *d
		shown.MediaType = safename.Line(d.MediaType)
		i.Document = &shown
	}
	if c := i.Contact; c != nil {
		i.Contact = &vault.Contact{
			Role: safename.Line(c.Role), Phones: each(c.Phones), Emails: each(c.Emails),
			Address: safename.Text(c.Address), Note: safename.Text(c.Note),
		}
	}
	if a := i.Appointment; a != nil {
		shown := *a
		shown.Place, shown.With, shown.Note = safename.Line(a.Place), safename.Line(a.With), safename.Text(a.Note)
		i.Appointment = &shown
	}
	if n := i.Note; n != nil {
		i.Note = &vault.Note{Text: safename.Text(n.Text)}
	}
	return i
}

func each(texts []string) []string {
	shown := slices.Clone(texts)
	for i, text := range shown {
		shown[i] = safename.Line(text)
	}
	return shown
}

func allNeutral(items []vault.Item) []vault.Item {
	shown := make([]vault.Item, len(items))
	for i, item := range items {
		shown[i] = neutral(item)
	}
	return shown
}
