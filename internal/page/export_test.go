package page

// Each calls f with every file below "/assets/".
func (p *Page) Each(f func(name string, body []byte)) {
	for name, a := range p.assets {
		f(name, a.plain)
	}
}
