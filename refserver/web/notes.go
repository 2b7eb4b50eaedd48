package web

import "reconnect.example/vault"

var noteEditor = editor{
	kind: vault.KindNote, template: "note-edit",
	fill: func(_ *visit, f *form, i vault.Item) {
		f.Set("title", i.Name)
		f.Set("text", i.Note.Text)
	},
	check: func(v *visit, f *form) { v.required(f, "title", "text") },
	add: func(v *visit, f *form) (vault.Item, error) {
		return v.vault.AddNote(v.ctx(), f.Get("title"), vault.Note{Text: f.Text("text")}, v.placeOf(f))
	},
	edit: func(_ *visit, f *form) vault.Edit {
		name := f.Get("title")
		return vault.Edit{Name: &name, Note: &vault.Note{Text: f.Text("text")}}
	},
}

func (p *pages) notes(v *visit) error {
	items, err := v.list(vault.KindNote)
	if err != nil {
		return err
	}
	return v.show("notes", items)
}

func (p *pages) note(v *visit) error {
	i, err := v.item(vault.KindNote)
	if err != nil {
		return err
	}
	return v.show("note", i)
}

func (p *pages) addNoteForm(v *visit) error  { return noteEditor.addForm(v) }
func (p *pages) addNote(v *visit) error      { return noteEditor.addNew(v) }
func (p *pages) editNoteForm(v *visit) error { return noteEditor.editForm(v) }
func (p *pages) editNote(v *visit) error     { return noteEditor.change(v) }
