package web

import (
	"fmt"
	"html/template"
	"net/http"
)

// Look is what pages of another server of this program need to look like these: style and
// pictures, and nothing of anybody.
type Look struct {
	Files     http.Handler     // answers for everything below /static/
	Functions template.FuncMap // "icon", "pictogram" and "asset", which templates call
	assets    assets
}

// NewLook reads the files, which are part of the program.
func NewLook() (*Look, error) {
	files, err := readAssets()
	if err != nil {
		return nil, err
	}
	icons, err := files.pictures("icons", "icon")
	if err != nil {
		return nil, err
	}
	pictograms, err := files.pictures("pictograms", "pictogram")
	if err != nil {
		return nil, err
	}
	return &Look{http.HandlerFunc((&pages{assets: files}).static), files.functions(icons, pictograms), files}, nil
}

// functions are what templates call to show files and pictures.
func (a assets) functions(icons, pictograms map[string]template.HTML) template.FuncMap {
	return template.FuncMap{
		"icon": picture(icons), "pictogram": picture(pictograms),
		"asset": func(name string) (string, error) {
			if a[name] == nil {
				return "", fmt.Errorf("web: no file %q", name)
			}
			return a[name].address, nil
		},
	}
}
