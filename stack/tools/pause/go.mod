module preview.internal/tools/pause

go 1.26.0
