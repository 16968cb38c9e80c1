// The product that these pages belong to. The build fills this in from brand/brand.json; an empty text means "not set".

export const brand = {{brand.json}};
