metadata description = 'Usage Analytics in one resource group. Start it with azd up; docs/runbook.md says how.'

targetScope = 'subscription'

@description('Name of the environment; resources are named after it.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Region of everything but the dashboard.')
@minLength(1)
param location string

@description('Region of the dashboard; static web apps live in a few only.')
@allowed([
  'centralus'
  'eastasia'
  'eastus2'
  'westeurope'
  'westus2'
])
param webLocation string = 'westeurope'

@description('Resource group that is created.')
param resourceGroupName string = 'rg-${environmentName}'

@description('SHA-256 of the operator key, in lower-case hex.')
@secure()
param operatorKeySha256 string

@description('Mail address that alerts and budget go to; empty for none.')
param operatorEmail string = ''

@description('Issuer of the Entra ID tokens that sign in beside API keys; empty for none.')
param entraIssuer string = ''

@description('Audience of those tokens: the application id URI or client id of the API.')
param entraAudience string = ''

@description('Where the issuer publishes its signing keys.')
param entraJwksUri string = ''

@description('Claim of those tokens that holds the tenant id; empty for extension_tenantId.')
param entraTenantClaim string = ''

@description('SMTP server that sends the mails of alerts; empty for none.')
param smtpHost string = ''

@description('How it is spoken to: starttls (port 587), tls (465) or none (25).')
@allowed([
  'starttls'
  'tls'
  'none'
])
param smtpSecurity string = 'starttls'

@description('Port of that server; empty for the usual one.')
param smtpPort string = ''

@description('Who signs in to it, with the secret smtp-password of the key vault; empty for nobody.')
param smtpUser string = ''

@description('Address that mails come from.')
param smtpSender string = ''

@description('Where tickets of alerts are posted, with the secret tickets-token of the key vault; empty for nowhere.')
param ticketsUrl string = ''

@description('Whether stores are reached through private endpoints only, and the function app through a network.')
param privateNetwork bool = false

@description('Addresses of the subnet of the function app, with privateNetwork.')
param functionsSubnetPrefix string = '10.60.0.0/24'

@description('Addresses of the subnet of the private endpoints, with privateNetwork.')
param endpointsSubnetPrefix string = '10.60.1.0/27'

@description('Whether plan, storage and Cosmos DB are spread over availability zones.')
param zoneRedundant bool = false

@description('Redundancy of the storage account.')
@allowed([
  'Standard_LRS'
  'Standard_ZRS'
  'Standard_GRS'
  'Standard_GZRS'
])
param storageSku string = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'

@description('Days for which deleted blobs can be restored.')
@minValue(1)
@maxValue(365)
param softDeleteDays int = 14

@description('Most request units a second of Cosmos DB, autoscaled from a tenth of it (1000 or more); 0 for serverless.')
@minValue(0)
param cosmosAutoscaleMaxThroughput int = 0

@description('For how long any moment of Cosmos DB can be restored.')
@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
param cosmosBackupTier string = 'Continuous7Days'

@description('Tier of the key vault.')
@allowed([
  'standard'
  'premium'
])
param vaultSku string = 'standard'

@description('Memory of a function instance in MB.')
@allowed([
  512
  2048
  4096
])
param instanceMemoryMB int = 2048

@description('Most instances a scale group (HTTP, and each queue and timer function) may have.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('HTTP requests that one instance handles at a time.')
@minValue(1)
@maxValue(1000)
param httpConcurrency int = 16

@description('Instances that never sleep: objects of name (http, or function:<name>) and instanceCount.')
param alwaysReady array = []

@description('Plan of the dashboard; linking it to the API needs Standard.')
@allowed([
  'Free'
  'Standard'
])
param webSku string = 'Standard'

@description('Whether the dashboard serves the API under its own /api. If not, its pages call the function app (CORS).')
param linkBackend bool = false

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day after which ingestion stops until the next day; -1 for no cap.')
@minValue(-1)
param logDailyQuotaGb int = 5

@description('Failed requests (5xx) in five minutes that are still normal.')
@minValue(0)
param serverErrorThreshold int = 0

@description('Throttled requests in five minutes that are still normal.')
@minValue(0)
param throttlingThreshold int = 100

@description('Budget of a month, in the currency of the subscription; 0 for none.')
@minValue(0)
param monthlyBudget int = 0

@description('First day of the month from which the budget is watched; Azure takes the present month or a later one.')
param budgetStartDate string = utcNow('yyyy-MM-01')

var token = uniqueString(subscription().id, environmentName, location)
var publicAccess = privateNetwork ? 'Disabled' : 'Enabled'
var tags = {
  'azd-env-name': environmentName
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: resourceGroupName
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    name: 'id-${token}'
    location: location
    tags: tags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logDailyQuotaGb
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    name: 'st${token}'
    location: location
    tags: tags
    sku: storageSku
    publicNetworkAccess: publicAccess
    softDeleteDays: softDeleteDays
  }
}

module cosmos 'modules/cosmos.bicep' = {
  scope: group
  name: 'cosmos'
  params: {
    name: 'cosmos-${token}'
    location: location
    tags: tags
    autoscaleMaxThroughput: cosmosAutoscaleMaxThroughput
    zoneRedundant: zoneRedundant
    publicNetworkAccess: publicAccess
    backupTier: cosmosBackupTier
  }
}

module vault 'modules/vault.bicep' = {
  scope: group
  name: 'vault'
  params: {
    name: 'kv-${token}'
    location: location
    tags: tags
    sku: vaultSku
    publicNetworkAccess: publicAccess
    operatorKeySha256: operatorKeySha256
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  name: 'network'
  params: {
    name: 'vnet-${token}'
    location: location
    tags: tags
    functionsSubnetPrefix: functionsSubnetPrefix
    endpointsSubnetPrefix: endpointsSubnetPrefix
    storageId: storage.outputs.id
    cosmosId: cosmos.outputs.id
    vaultId: vault.outputs.id
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  name: 'roles'
  params: {
    principalId: identity.outputs.principalId
    storageAccountName: storage.outputs.name
    cosmosAccountName: cosmos.outputs.name
    componentName: monitoring.outputs.componentName
    vaultName: vault.outputs.name
  }
}

module web 'modules/web.bicep' = {
  scope: group
  name: 'web'
  params: {
    name: 'stapp-${token}'
    location: webLocation
    tags: union(tags, { 'azd-service-name': 'web' })
    sku: webSku
  }
}

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  params: {
    name: 'func-${token}'
    planName: 'plan-${token}'
    location: location
    tags: tags
    appTags: union(tags, { 'azd-service-name': 'api' })
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    componentName: monitoring.outputs.componentName
    blobServiceUri: storage.outputs.blobServiceUri
    queueServiceUri: storage.outputs.queueServiceUri
    tableServiceUri: storage.outputs.tableServiceUri
    packageContainer: storage.outputs.packageContainer
    cosmosEndpoint: cosmos.outputs.endpoint
    cosmosDatabase: cosmos.outputs.databaseName
    cosmosContainer: cosmos.outputs.containerName
    operatorKeyUri: vault.outputs.operatorKeyUri
    entraIssuer: entraIssuer
    entraAudience: entraAudience
    entraJwksUri: entraJwksUri
    entraTenantClaim: entraTenantClaim
    smtpHost: smtpHost
    smtpSecurity: smtpSecurity
    smtpPort: smtpPort
    smtpUser: smtpUser
    smtpSender: smtpSender
    ticketsUrl: ticketsUrl
    vaultUri: vault.outputs.uri
    dashboardUrl: web.outputs.uri
    allowedOrigins: [
      web.outputs.uri
    ]
    subnetId: privateNetwork ? network!.outputs.functionsSubnetId : ''
    zoneRedundant: zoneRedundant
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    httpConcurrency: httpConcurrency
    alwaysReady: alwaysReady
  }
  dependsOn: [
    roles
  ]
}

module link 'modules/link.bicep' = if (linkBackend) {
  scope: group
  name: 'link'
  params: {
    webName: web.outputs.name
    webUri: web.outputs.uri
    appName: app.outputs.name
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    name: 'ops-${token}'
    location: location
    tags: tags
    operatorEmail: operatorEmail
    workspaceId: monitoring.outputs.workspaceId
    cosmosId: cosmos.outputs.id
    storageId: storage.outputs.id
    serverErrorThreshold: serverErrorThreshold
    throttlingThreshold: throttlingThreshold
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: {
    title: 'Usage Analytics: ${environmentName}'
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
  }
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  scope: group
  name: 'budget'
  params: {
    name: 'budget-${token}'
    amount: monthlyBudget
    startDate: budgetStartDate
    actionGroupId: alerts.outputs.actionGroupId
  }
}

@description('Region.')
output AZURE_LOCATION string = location

@description('Tenant of the subscription.')
output AZURE_TENANT_ID string = subscription().tenantId

@description('Resource group.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output SERVICE_API_NAME string = app.outputs.name

@description('Where the API is served; paths start with /api.')
output SERVICE_API_URI string = app.outputs.uri

@description('Name of the static web app.')
output SERVICE_WEB_NAME string = web.outputs.name

@description('Where the dashboard is served.')
output SERVICE_WEB_URI string = web.outputs.uri

@description('Where the pages of the dashboard find the API: their own host when it is linked.')
output DASHBOARD_API_URI string = linkBackend ? web.outputs.uri : app.outputs.uri

// Named as the settings of the code: an operator's commands read them (docs/runbook.md).
@description('Endpoint of Cosmos DB.')
output COSMOS_ENDPOINT string = cosmos.outputs.endpoint

@description('Queue service of the storage account.')
output USAGE_STORAGE__queueServiceUri string = storage.outputs.queueServiceUri

@description('Table service of the storage account.')
output USAGE_STORAGE__tableServiceUri string = storage.outputs.tableServiceUri

@description('Name of the storage account.')
output STORAGE_ACCOUNT_NAME string = storage.outputs.name

@description('Name of the Cosmos DB account.')
output COSMOS_ACCOUNT_NAME string = cosmos.outputs.name

@description('Name of the key vault.')
output KEY_VAULT_NAME string = vault.outputs.name
