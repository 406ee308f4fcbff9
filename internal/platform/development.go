package platform

import (
	"github.com/isekai-run/isekai/internal/tool"
	checktool "github.com/isekai-run/isekai/internal/tool/check"
)

// developmentTools are the tools for work on code that isn't an app.
func (n *node) developmentTools() []tool.Tool {
	return checktool.Tools(checktool.Config{Boxes: n.sandbox, Cache: n.dir.Join("cache")})
}
