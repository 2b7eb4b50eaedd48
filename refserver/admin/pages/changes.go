package pages

import (
	"strings"

	"reconnect.example/consent"
	"reconnect.example/refserver/admin"
	"reconnect.example/refserver/config"
)

// changes are all of them.
var changes = []change{
	{
		path: "/organisations/add", command: "admin organisation add",
		words: func(v *visit) (string, string) {
			return v.t("operator.organisation-add"), v.t("operator.organisation-add-means")
		},
		fields: func(v *visit, _ *consent.DirectoryState) []field {
			return []field{{Name: "name", Type: "text", Label: v.t("field.name"), Required: true}, v.country()}
		},
		fill: func(_ *visit, f *form, _ subject, a *config.Admin) {
			a.Organisation.Add = config.OrganisationAdd{Name: f.Get("name"), Country: f.country()}
		},
	},
	{
		path: "/organisations/{id}/withdraw", command: "admin organisation withdraw", subject: anOrganisation, fields: onlyDay,
		words: func(v *visit) (string, string) {
			return v.t("operator.organisation-withdraw"), v.t("operator.organisation-withdraw-means")
		},
		fill: func(_ *visit, f *form, about subject, a *config.Admin) {
			a.Organisation.Withdraw = config.Withdraw{ID: about.ID, On: f.Get("on")}
		},
	},
	{
		path: "/centres/add", command: "admin relay add", fields: relayFields,
		words: func(v *visit) (string, string) {
			return v.t("operator.centre-add"), v.t("operator.centre-add-means")
		},
		fill: func(_ *visit, f *form, _ subject, a *config.Admin) {
			a.Relay.Add = config.RelayAdd{
				ID: f.Get("id"), Key: f.Get("key"), Organisation: f.Get("organisation"), Name: f.Get("name"), Type: f.Get("type"), Place: f.Get("place"),
				Contact: f.Get("contact"), Country: f.country(), Since: f.Get("since"),
				Languages: strings.FieldsFunc(f.Get("languages"), func(r rune) bool { return r == ',' || r == ' ' || r == '،' }),
			}
		},
	},
	{
		path: "/centres/{id}/withdraw", command: "admin relay withdraw", subject: aCentre, fields: onlyDay,
		words: func(v *visit) (string, string) {
			return v.t("operator.centre-withdraw"), v.t("operator.centre-withdraw-means")
		},
		fill: func(_ *visit, f *form, about subject, a *config.Admin) {
			a.Relay.Withdraw = config.Withdraw{ID: about.ID, On: f.Get("on")}
		},
	},
	{
		path: "/centres/{id}/licences/add", command: "admin licence add", subject: aCentre, fields: licenceFields,
		words: func(v *visit) (string, string) {
			return v.t("operator.licence-add"), v.t("operator.licence-add-means")
		},
		fill: func(v *visit, f *form, about subject, a *config.Admin) {
			fee, err := admin.ParseMoney(f.Get("fee"), v.office.config.Currency)
			if err != nil {
				f.refuse("fee", v.t("wrong.field"))
			}
			a.Licence.Add = config.LicenceAdd{Relay: about.ID, Number: f.Get("number"), From: f.Get("from"), To: f.Get("to"), Fee: fee, Payer: f.Get("payer")}
		},
	},
	{
		path: "/centres/{id}/licences/withdraw/{number}", command: "admin licence withdraw", subject: aLicence, fields: onlyDay,
		words: func(v *visit) (string, string) {
			return v.t("operator.licence-withdraw"), v.t("operator.licence-withdraw-means")
		},
		fill: func(_ *visit, f *form, about subject, a *config.Admin) {
			a.Licence.Withdraw = config.LicenceWithdraw{Relay: about.ID, Number: about.Licence, On: f.Get("on")}
		},
	},
}

func onlyDay(v *visit, _ *consent.DirectoryState) []field {
	return []field{{Name: "on", Type: "date", Label: v.t("operator.from-day"), Hint: v.t("operator.day-hint"), Ltr: true, Default: string(v.today())}}
}

func (v *visit) country() field {
	return field{Name: "country", Type: "text", Label: v.t("operator.country"), Hint: v.t("operator.country-hint"), Ltr: true, Default: "FR"}
}

func (f *form) country() string { return strings.ToUpper(f.Get("country")) }

func relayFields(v *visit, state *consent.DirectoryState) []field {
	organisations := []option{{"", "–"}}
	for o := range state.Organisations() {
		if o.Withdrawn == "" {
			organisations = append(organisations, option{o.ID.String(), o.Name})
		}
	}
	kinds := []option{{"", "–"}}
	for _, kind := range consent.RelayTypes() {
		kinds = append(kinds, option{string(kind), v.kind(kind)})
	}
	return []field{
		{Name: "id", Type: "text", Label: v.t("founded.id"), Hint: v.t("operator.id-hint"), Required: true, Ltr: true},
		{Name: "key", Type: "text", Label: v.t("founded.key"), Hint: v.t("operator.key-hint"), Required: true, Ltr: true},
		{Name: "organisation", Label: v.t("relay.organisation"), Hint: v.t("operator.organisation-hint"), Required: true, Options: organisations},
		{Name: "name", Type: "text", Label: v.t("field.name"), Required: true},
		{Name: "type", Label: v.t("relay.type"), Required: true, Options: kinds},
		{Name: "place", Type: "text", Label: v.t("relay.place")},
		{Name: "contact", Type: "text", Label: v.t("relay.contact"), Hint: v.t("operator.contact-hint")},
		{Name: "languages", Type: "text", Label: v.t("operator.languages"), Hint: v.t("operator.languages-hint"), Ltr: true},
		v.country(),
		{Name: "since", Type: "date", Label: v.t("operator.from-day"), Hint: v.t("operator.day-hint"), Ltr: true, Default: string(v.today())},
	}
}

func licenceFields(v *visit, _ *consent.DirectoryState) []field {
	return []field{
		{Name: "number", Type: "text", Label: v.t("operator.number"), Required: true, Ltr: true},
		{Name: "from", Type: "date", Label: v.t("operator.first-day"), Required: true, Ltr: true},
		{Name: "to", Type: "date", Label: v.t("operator.last-day"), Required: true, Ltr: true},
		{Name: "fee", Type: "text", Label: v.t("operator.fee", v.office.config.Currency), Required: true, Ltr: true},
		{Name: "payer", Type: "text", Label: v.t("operator.payer")},
	}
}

func aCentre(v *visit, state *consent.DirectoryState) (subject, error) {
	r, err := v.named(state)
	return subject{ID: r.ID.String(), Name: r.Name}, err
}

func aLicence(v *visit, state *consent.DirectoryState) (subject, error) {
	about, err := aCentre(v, state)
	about.Licence = v.r.PathValue("number")
	return about, err
}

func anOrganisation(v *visit, state *consent.DirectoryState) (subject, error) {
	id, err := consent.ParseOrganisationID(v.r.PathValue("id"))
	if err != nil {
		return subject{}, errNoCentre
	}
	o, err := state.Organisation(id)
	if err != nil {
		return subject{}, errNoCentre
	}
	about := subject{ID: o.ID.String(), Name: o.Name}
	for r := range state.Relays() {
		if r.Organisation == id && r.Withdrawn == "" {
			about.Also = append(about.Also, r.Name)
		}
	}
	return about, nil
}
