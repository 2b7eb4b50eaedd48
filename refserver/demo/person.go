package demo

import (
	"context"
	"time"

	"reconnect.example/vault"
)

// The telephone numbers are of the range that is kept for fiction (ARCEP
// decision 2018-0881), and the addresses of the domain "example".

func (f *filling) contacts(ctx context.Context) error {
	for _, c := range []struct {
		name    string
		private bool
		is      vault.Contact
	}{
		{"Nadia Specimen", false, vault.Contact{
			Role: "Assistante sociale", Phones: []string{"01 99 00 12 34"}, Emails: []string{"nadia@accueil.example"},
			Address: "Accueil de jour Exemple\n12 rue du Modèle\n75000 Exempleville", Note: "Présente le mardi et le jeudi matin.",
		}},
		{"Maître Fictif", true, vault.Contact{
			Role: "Avocat", Phones: []string{"01 99 00 56 78"}, Note: "Aide juridictionnelle demandée.",
		}},
		{"Ma sœur", true, vault.Contact{Role: "Famille", Phones: []string{"06 39 98 12 34"}}},
		{"Dr Échantillon", false, vault.Contact{Role: "Médecin", Phones: []string{"01 99 00 90 12"}, Address: "3 place du Modèle\n75000 Exempleville"}},
	} {
		if f.have[c.name] {
			continue
		}
		if _, err := f.vault.AddContact(ctx, c.name, c.is, vault.Place{Compartment: compartment(c.private)}); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) appointments(ctx context.Context) error {
	at := func(days, hour, minute int) time.Time {
		day := f.today.AddDate(0, 0, days)
		return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, day.Location())
	}
	for _, a := range []struct {
		name    string
		private bool
		is      vault.Appointment
	}{
		{"Rendez-vous CAF", false, vault.Appointment{
			Start: at(2, 10, 30), Duration: 45 * time.Minute, Place: "CAF, 5 avenue du Modèle, Exempleville",
			With: "Service des droits", Note: "Apporter la carte d’identité et l’attestation de domicile.",
		}},
		{"Médecin", true, vault.Appointment{Start: at(9, 14, 0), Duration: 30 * time.Minute, Place: "3 place du Modèle", With: "Dr Échantillon"}},
		{"Permanence juridique", false, vault.Appointment{Start: at(16, 9, 0), Place: "Accueil de jour Exemple", With: "Maître Fictif"}},
		{"Première visite au centre", false, vault.Appointment{Start: at(-12, 11, 0), Duration: time.Hour, Place: "Accueil de jour Exemple", With: "Nadia Specimen"}},
	} {
		if f.have[a.name] {
			continue
		}
		a.is.Zone = f.today.Location().String()
		if _, err := f.vault.AddAppointment(ctx, a.name, a.is, vault.Place{Compartment: compartment(a.private)}); err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) notes(ctx context.Context) error {
	const name = "À demander mardi"
	if f.have[name] {
		return nil
	}
	_, err := f.vault.AddNote(ctx, name, vault.Note{
		Text: "– Où en est la demande de logement ?\n– Refaire la carte de transport\n– Numéro du vestiaire : 01 99 00 33 44",
	}, vault.Place{Compartment: vault.Private})
	return err
}
