package web

import (
	"html/template"
	"net/http"
)

// Look is what pages of another server of this program need to look like these: style and
// pictures, and nothing of anybody.
type Look struct {
	Files http.Handler             // answers for everything below /static/
	Icons map[string]template.HTML // markup by name
}

// NewLook reads the files, which are part of the program.
func NewLook() (*Look, error) {
	sprite, icons, err := readIcons()
	if err != nil {
		return nil, err
	}
	return &Look{Files: (&pages{icons: sprite}).static(), Icons: icons}, nil
}
