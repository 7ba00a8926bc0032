metadata description = 'The dashboard: a static web app.'

@description('Name of the static web app.')
param name string

@description('Region; static web apps live in a few only.')
param location string

@description('Tags, with azd-service-name.')
param tags object

@description('Plan; linking a backend needs Standard.')
@allowed([
  'Free'
  'Standard'
])
param sku string

resource site 'Microsoft.Web/staticSites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: sku
    tier: sku
  }
  properties: {
    allowConfigFileUpdates: true
    stagingEnvironmentPolicy: 'Disabled'
  }
}

@description('Name of the static web app.')
output name string = site.name

@description('Where the dashboard is served.')
output uri string = 'https://${site.properties.defaultHostname}'
