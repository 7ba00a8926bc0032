metadata description = 'Cosmos DB: the usage documents, one logical partition a tenant.'

@description('Name of the account.')
@minLength(3)
@maxLength(44)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags object

@description('Most request units a second, autoscaled from a tenth of it; 0 for serverless.')
@minValue(0)
param autoscaleMaxThroughput int

@description('Whether replicas are spread over availability zones.')
param zoneRedundant bool

@description('Whether the account can be reached over the public network (with Entra ID tokens), or through private endpoints only.')
@allowed([
  'Enabled'
  'Disabled'
])
param publicNetworkAccess string

@description('For how long any moment can be restored.')
@allowed([
  'Continuous7Days'
  'Continuous30Days'
])
param backupTier string

var serverless = autoscaleMaxThroughput == 0

// Names, partition key, indexing and TTL are those of shared/stores/schema.py; a test compares them.
var databaseName = 'usage'
var containerName = 'usage'

resource account 'Microsoft.DocumentDB/databaseAccounts@2024-11-15' = {
  // checkov:skip=CKV_AZURE_101: public access is a parameter; without a private network only Entra ID tokens are taken
  // checkov:skip=CKV_AZURE_99: the firewall is a parameter (publicNetworkAccess); Flex instances outside a network have no fixed address
  name: name
  location: location
  tags: tags
  kind: 'GlobalDocumentDB'
  properties: {
    databaseAccountOfferType: 'Standard'
    capabilities: serverless ? [{ name: 'EnableServerless' }] : []
    consistencyPolicy: {
      defaultConsistencyLevel: 'Session'
    }
    locations: [
      {
        locationName: location
        failoverPriority: 0
        isZoneRedundant: zoneRedundant
      }
    ]
    backupPolicy: {
      type: 'Continuous'
      continuousModeProperties: {
        tier: backupTier
      }
    }
    disableKeyBasedMetadataWriteAccess: true
    disableLocalAuth: true
    minimalTlsVersion: 'Tls12'
    publicNetworkAccess: publicNetworkAccess
  }
}

resource database 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases@2024-11-15' = {
  parent: account
  name: databaseName
  properties: {
    resource: {
      id: databaseName
    }
  }
}

resource container 'Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers@2024-11-15' = {
  parent: database
  name: containerName
  properties: {
    resource: {
      id: containerName
      partitionKey: {
        kind: 'Hash'
        version: 2
        paths: [
          '/tenantId'
        ]
      }
      defaultTtl: -1
      indexingPolicy: {
        indexingMode: 'consistent'
        automatic: true
        includedPaths: [
          {
            path: '/kind/?'
          }
          {
            path: '/day/?'
          }
          {
            path: '/version/?'
          }
          {
            path: '/_ts/?'
          }
        ]
        excludedPaths: [
          {
            path: '/*'
          }
        ]
      }
    }
    options: serverless ? {} : { autoscaleSettings: { maxThroughput: autoscaleMaxThroughput } }
  }
}

@description('Resource id of the account.')
output id string = account.id

@description('Name of the account.')
output name string = account.name

@description('Endpoint of the account.')
output endpoint string = account.properties.documentEndpoint

@description('Name of the database.')
output databaseName string = database.name

@description('Name of the container.')
output containerName string = container.name
