package web

import (
	"strings"

	"reconnect.example/vault"
)

var contactEditor = editor{
	kind: vault.KindContact, template: "contact-edit",
	fill: func(_ *visit, f *form, i vault.Item) {
		f.Set("name", i.Name)
		f.Set("role", i.Contact.Role)
		f.Set("phones", strings.Join(i.Contact.Phones, "\n"))
		f.Set("emails", strings.Join(i.Contact.Emails, "\n"))
		f.Set("address", i.Contact.Address)
		f.Set("note", i.Contact.Note)
	},
	check: func(v *visit, f *form) { v.required(f, "name") },
	add: func(v *visit, f *form) (vault.Item, error) {
		return v.vault.AddContact(v.ctx(), f.Get("name"), contactOf(f), v.placeOf(f))
	},
	edit: func(_ *visit, f *form) vault.Edit {
		name, contact := f.Get("name"), contactOf(f)
		return vault.Edit{Name: &name, Contact: &contact}
	},
}

func contactOf(f *form) vault.Contact {
	return vault.Contact{
		Role: f.Get("role"), Phones: f.Lines("phones"), Emails: f.Lines("emails"),
		Address: f.Text("address"), Note: f.Text("note"),
	}
}

func (p *pages) contacts(v *visit) error {
	items, err := v.list(vault.KindContact)
	if err != nil {
		return err
	}
	return v.show("contacts", items)
}

func (p *pages) contact(v *visit) error {
	i, err := v.item(vault.KindContact)
	if err != nil {
		return err
	}
	return v.show("contact", i)
}

func (p *pages) addContactForm(v *visit) error  { return contactEditor.addForm(v) }
func (p *pages) addContact(v *visit) error      { return contactEditor.addNew(v) }
func (p *pages) editContactForm(v *visit) error { return contactEditor.editForm(v) }
func (p *pages) editContact(v *visit) error     { return contactEditor.change(v) }
